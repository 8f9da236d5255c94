import { randomUUID } from "node:crypto";
import { fillPath, ProblemError, routes } from "@confab/contracts";
import type { Application, Applications } from "@confab/database";
import { mount, type MountOptions, type RouteHandler } from "@confab/http";
import { Router } from "express";
import { toApplication } from "../representations.ts";
import { requestHash } from "./request-hash.ts";

export interface ApplicationRoutesOptions {
  applications: Applications;
  mountOptions: MountOptions;
}

/** Applications: create, list, get, rename. */
export function createApplicationRoutes({ applications, mountOptions }: ApplicationRoutesOptions): Router {
  const router = Router();

  mount(
    router,
    routes.createApplication,
    async ({ body: { name }, idempotencyKey }) => {
      const idempotency =
        idempotencyKey === undefined ? undefined : { key: idempotencyKey, requestHash: requestHash({ name }) };
      const created = await applications.create({ token: randomUUID(), name, idempotency });
      return { body: toApplication(created), location: fillPath(routes.getApplication.path, { token: created.token }) };
    },
    mountOptions,
  );

  mount(
    router,
    routes.listApplications,
    async ({ query: { after, limit } }) => {
      const page = await applications.list({ after: after === undefined ? undefined : decodeCursor(after), limit });
      return {
        body: page.items.map(toApplication),
        link: { next: page.next === undefined ? undefined : { after: encodeCursor(page.next) } },
      };
    },
    mountOptions,
  );

  mount(
    router,
    routes.getApplication,
    async ({ params }) => ({ body: toApplication(known(await applications.find(params.token))) }),
    mountOptions,
  );

  const rename: RouteHandler<typeof routes.updateApplication> &
    RouteHandler<typeof routes.replaceApplication> = async ({ params, body }) => ({
    body: toApplication(known(await applications.rename(params.token, body.name))),
  });
  mount(router, routes.updateApplication, rename, mountOptions);
  mount(router, routes.replaceApplication, rename, mountOptions);
  return router;
}

function known(application: Application | undefined): Application {
  if (!application) throw new ProblemError("application-not-found");
  return application;
}

/** Cursors hide the internal id, which never leaves the process as a number. */
function encodeCursor(id: bigint): string {
  return Buffer.from(`application ${id}`).toString("base64url");
}

function decodeCursor(cursor: string): bigint {
  const id = /^application (\d{1,19})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  if (id === undefined) {
    throw new ProblemError("validation-failed", {
      errors: [{ pointer: "?after", detail: "is not a cursor of this list" }],
    });
  }
  return BigInt(id);
}
