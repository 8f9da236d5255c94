import { adoptPublicKey, createKey, type Access } from "@confab/access";
import { ProblemError, rotateKeySchema, routes, type CreatedKey, type PublicKey, type Scope } from "@confab/contracts";
import type { Applications, KeyOwner, KeyRow, Keys } from "@confab/database";
import { createRouter, mount, type MountOptions, type RequestContext } from "@confab/http";
import type { Router } from "express";
import { toKey } from "../representations.ts";
import { expectApplication } from "../reading/expect-application.ts";
import { actorOf } from "./actor.ts";

export interface KeyRoutesOptions {
  readonly keys: Keys;
  readonly applications: Pick<Applications, "find">;
  readonly access: Pick<Access, "changed" | "createTicket">;
  readonly mountOptions: MountOptions;
}

interface NewKeyBody {
  readonly name: string;
  readonly scopes: Scope[];
  readonly expires_at?: Date | null | undefined;
}

/**
 * Creates the routes of applications' keys and of admin keys (create, list, rotate, revoke) and of tickets (create).
 */
export function createKeyRoutes({ keys, applications, access, mountOptions }: KeyRoutesOptions): Router {
  const router = createRouter();

  /** Returns the problem that says whether the application or the key does not exist. */
  async function missing(owner: KeyOwner): Promise<ProblemError> {
    const isOwned = owner === null || (await applications.find(owner)) !== undefined;
    return new ProblemError(isOwned ? "key-not-found" : "application-not-found");
  }

  async function create(
    owner: KeyOwner,
    { name, scopes, expires_at: expiresAt = null }: NewKeyBody,
    context: RequestContext,
  ) {
    const { key, ...identity } = createKey(owner === null ? "admin" : "application");
    const wanted = { ...identity, name, scopes: [...new Set(scopes)], expiresAt };
    return { body: shown(expectApplication(await keys.create(owner, wanted, actorOf(context, owner))), key) };
  }

  async function upload(token: string, body: NewKeyBody & { public_key: PublicKey }, context: RequestContext) {
    const { name, scopes, expires_at: expiresAt = null } = body;
    const wanted = { ...adopt(body.public_key), name, scopes: [...new Set(scopes)], expiresAt };
    return { body: toKey(expectApplication(await keys.create(token, wanted, actorOf(context, token)))) };
  }

  async function list(owner: KeyOwner, query: { limit: number; after?: string | undefined }) {
    const { items, next } = expectApplication(await keys.list(owner, query));
    return { body: items.map(toKey), link: next === undefined ? {} : { next: { after: next } } };
  }

  async function rotate(owner: KeyOwner, keyId: string, graceSeconds: number, context: RequestContext) {
    const { key, ...identity } = createKey(owner === null ? "admin" : "application");
    const successor = { ...identity, graceMs: graceSeconds * 1000 };
    const row = await keys.rotate(owner, keyId, successor, actorOf(context, owner));
    if (!row) throw await missing(owner);
    await access.changed(keyId);
    return { body: shown(row, key) };
  }

  async function revoke(owner: KeyOwner, keyId: string, context: RequestContext) {
    if (!(await keys.revoke(owner, keyId, actorOf(context, owner)))) throw await missing(owner);
    await access.changed(keyId);
    return { body: undefined };
  }

  const defaultGrace = rotateKeySchema.parse({});
  mount(router, routes.createKey, ({ params, body, context }) => create(params.token, body, context), mountOptions);
  mount(router, routes.uploadKey, ({ params, body, context }) => upload(params.token, body, context), mountOptions);
  mount(router, routes.listKeys, ({ params, query }) => list(params.token, query), mountOptions);
  mount(
    router,
    routes.rotateKey,
    ({ params: { token, key }, body = defaultGrace, context }) => rotate(token, key, body.grace_seconds, context),
    mountOptions,
  );
  mount(router, routes.revokeKey, ({ params: { token, key }, context }) => revoke(token, key, context), mountOptions);

  mount(router, routes.createAdminKey, ({ body, context }) => create(null, body, context), mountOptions);
  mount(router, routes.listAdminKeys, ({ query }) => list(null, query), mountOptions);
  mount(
    router,
    routes.rotateAdminKey,
    ({ params: { key }, body = defaultGrace, context }) => rotate(null, key, body.grace_seconds, context),
    mountOptions,
  );
  mount(router, routes.revokeAdminKey, ({ params: { key }, context }) => revoke(null, key, context), mountOptions);

  mount(
    router,
    routes.createTicket,
    async ({ params: { token }, context }) => {
      expectApplication(await applications.find(token));
      const { ticket, expiresAt } = await access.createTicket(context.principal, token);
      return { body: { ticket, expires_at: expiresAt.toISOString() } };
    },
    mountOptions,
  );
  return router;
}

/** Adopts a public key that a client sent. Throws a 422 if the key is not a point of its curve. */
function adopt(publicKey: PublicKey) {
  try {
    return adoptPublicKey(publicKey);
  } catch (cause) {
    throw new ProblemError("validation-failed", {
      errors: [{ pointer: "/public_key", detail: "is no point of its curve" }],
      cause,
    });
  }
}

function shown(row: KeyRow, key: string): CreatedKey {
  return { ...toKey(row), key };
}
