import { expectChats } from "@confab/access";
import { randomUUID } from "node:crypto";
import { fillPath, ProblemError, routes } from "@confab/contracts";
import type { ApplicationReference, Applications } from "@confab/database";
import { createRouter, mount, type MountOptions, type RouteHandler } from "@confab/http";
import type { Router } from "express";
import { toApplication, toChatHits, toHit } from "../representations.ts";
import type { CountHits } from "../searching/count-hits.ts";
import type { Erase } from "../changing/erase.ts";
import { expectApplication } from "../reading/expect-application.ts";
import type { SearchApplication } from "../searching/search-application.ts";
import { actorOf } from "./actor.ts";
import { requestHash } from "./request-hash.ts";

export interface ApplicationRoutesOptions {
  readonly applications: Applications;
  readonly erase: Pick<Erase, "application" | "sender">;
  readonly searchApplication: SearchApplication;
  readonly countHits: CountHits;
  readonly mountOptions: MountOptions;
}

const randomUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Creates the routes of applications: create, list, get, change, delete, erase a sender, search, and count hits. */
export function createApplicationRoutes(options: ApplicationRoutesOptions): Router {
  const { applications, erase, searchApplication, countHits, mountOptions } = options;
  const router = createRouter();

  mount(
    router,
    routes.createApplication,
    async ({ body: { name, retention_days: retentionDays = null }, idempotencyKey, context }) => {
      if (context.principal === undefined) checkKey(idempotencyKey);
      const idempotency =
        idempotencyKey === undefined
          ? undefined
          : { key: idempotencyKey, requestHash: requestHash({ name, retentionDays }) };
      const by = actorOf(context);
      const created = await applications.create({ token: randomUUID(), name, retentionDays, idempotency, by });
      return {
        body: toApplication(created),
        location: fillPath(routes.getApplication.path, { token: created.token }),
        replayed: created.replayed,
      };
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
        link: page.next === undefined ? {} : { next: { after: encodeCursor(page.next) } },
      };
    },
    mountOptions,
  );

  mount(
    router,
    routes.getApplication,
    async ({ params }) => ({ body: toApplication(expectApplication(await applications.find(params.token))) }),
    mountOptions,
  );

  const change: RouteHandler<typeof routes.updateApplication> &
    RouteHandler<typeof routes.replaceApplication> = async ({ params: { token }, body, context }) => {
    const fields = { name: body.name, retentionDays: body.retention_days };
    return {
      body: toApplication(expectApplication(await applications.change(token, fields, actorOf(context, token)))),
    };
  };
  mount(router, routes.updateApplication, change, mountOptions);
  mount(router, routes.replaceApplication, change, mountOptions);

  mount(
    router,
    routes.deleteApplication,
    async ({ params: { token }, context }) => {
      if (!(await erase.application(token, actorOf(context, token)))) throw new ProblemError("application-not-found");
      return { body: undefined };
    },
    mountOptions,
  );

  mount(
    router,
    routes.eraseSender,
    async ({ params: { token }, body: { sender }, idempotencyKey: key, context }) => {
      const idempotency = key === undefined ? undefined : { key, requestHash: requestHash({ erase: sender }) };
      const erasure = await erase.sender(token, sender, { by: actorOf(context, token), idempotency });
      const { requestedAt, replayed } = expectApplication(erasure);
      return { body: { application_token: token, sender, requested_at: requestedAt.toISOString() }, replayed };
    },
    mountOptions,
  );

  mount(
    router,
    routes.searchApplication,
    async ({ params: { token }, query, context, left }) => {
      expectChats(context.principal, routes.searchApplication.scopes, query.chats);
      const { hits, next } = await searchApplication(token, { ...query, signal: left() });
      return {
        body: hits.map((hit) => toHit(token, hit.chatNumber, hit)),
        link: next === undefined ? {} : { next: { cursor: next } },
      };
    },
    mountOptions,
  );

  mount(
    router,
    routes.countHits,
    async ({ params: { token }, query, context, left }) => {
      expectChats(context.principal, routes.countHits.scopes, query.chats);
      return { body: toChatHits(await countHits(token, { ...query, signal: left() })) };
    },
    mountOptions,
  );
  return router;
}

function encodeCursor({ createdAt, token }: ApplicationReference): string {
  return `${createdAt.getTime().toString(36)}-${token}`;
}

/** Returns the position in a cursor that matches `applicationCursorSchema`. */
function decodeCursor(cursor: string): ApplicationReference {
  const end = cursor.indexOf("-");
  return { createdAt: new Date(parseInt(cursor.slice(0, end), 36)), token: cursor.slice(end + 1) };
}

/**
 * Throws a 422 if the idempotency key is not a random UUID. Without an admin key, all clients share one scope of
 * idempotency keys, and a repeated request is answered with the token. A key that others could guess would therefore
 * reveal the token.
 */
function checkKey(key: string | undefined): void {
  if (key === undefined || randomUuid.test(key)) return;
  throw new ProblemError("validation-failed", {
    errors: [
      {
        pointer: "Idempotency-Key",
        detail:
          "must be a random UUID (version 4) because no admin key is configured: anyone who guessed the key would receive the application's token",
      },
    ],
  });
}
