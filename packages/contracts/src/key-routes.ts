import { z } from "zod";
import {
  createdKeySchema,
  keySchema,
  keysQuerySchema,
  rotateKeySchema,
  ticketSchema,
  uploadKeySchema,
  writeKeySchema,
} from "./keys.ts";
import type { ProblemCode } from "./problems.ts";
import { smallBody, reading, storing, type Route } from "./route.ts";

const once = "The answer is the only one that contains the key: if it is lost, revoke the key and create another one.";

/** Returns the routes of an owner's keys. The owner is an application or the installation. */
function routesOfOwner<
  const Path extends string,
  const Name extends string,
  const Params extends readonly "token"[],
  const Unknown extends readonly ProblemCode[],
  const Guard extends NonNullable<Route["guard"]>,
>(owner: { path: Path; name: Name; params: Params; unknown: Unknown; guard: Guard; of: string }) {
  const { path, name, params, unknown, guard, of } = owner;
  const common = {
    service: "api",
    tag: "Keys",
    scopes: ["admin"],
    guard,
    ...(guard === "application" && { limited: "requests" as const }),
  } as const;
  const ofKey = { path: `${path}/{key}`, params: [...params, "key"] } as const;
  return {
    create: {
      ...common,
      method: "post",
      path,
      operationId: `create${name}Key`,
      summary: `Create a key of ${of}`,
      description: `Returns a key with its scopes. Any number of keys may be in use. ${once}`,
      params,
      body: { schema: writeKeySchema, required: true, limitBytes: smallBody },
      success: { status: 201, description: "The key", schema: createdKeySchema },
      problems: [...unknown, ...storing],
    },
    list: {
      ...common,
      method: "get",
      path,
      operationId: `list${name}Keys`,
      summary: `List the keys of ${of}, oldest first`,
      description: "Returns one page of keys, also revoked and expired ones, without the keys themselves.",
      params,
      query: keysQuerySchema,
      success: { status: 200, description: "One page", schema: z.array(keySchema), links: ["next"] },
      problems: [...unknown, "validation-failed", ...reading],
    },
    rotate: {
      ...common,
      ...ofKey,
      method: "post",
      path: `${path}/{key}/rotate`,
      operationId: `rotate${name}Key`,
      summary: `Replace a key of ${of}`,
      description: `Returns a new key with the same name, scopes and lifetime. The old one expires after the grace period, if it does not expire before. A public key is not replaced: upload the next one, and revoke it later. ${once}`,
      body: { schema: rotateKeySchema, required: false, limitBytes: smallBody },
      success: { status: 201, description: "The new key", schema: createdKeySchema },
      problems: [...unknown, "key-not-found", "key-not-active", ...storing],
    },
    revoke: {
      ...common,
      ...ofKey,
      method: "delete",
      operationId: `revoke${name}Key`,
      destroys: true,
      summary: `Revoke a key of ${of}`,
      description:
        "Ends a key for good, within a second in all processes, and ends the streams that were opened with it. A repetition answers 204 as well.",
      success: { status: 204, description: "The key is revoked" },
      problems: [...unknown, "key-not-found", "outcome-unknown", ...reading],
    },
  } as const satisfies Record<string, Route>;
}

const ofApplication = routesOfOwner({
  path: "/applications/{token}/keys",
  name: "",
  params: ["token"],
  unknown: ["application-not-found"],
  guard: "application",
  of: "an application",
});
const ofInstallation = routesOfOwner({
  path: "/admin/keys",
  name: "Admin",
  params: [],
  unknown: [],
  guard: "installation",
  of: "the installation",
});

/** The routes of the keys of applications and of admin keys (create, list, rotate, revoke) and of tickets (create). */
export const keyRoutes = {
  createTicket: {
    service: "api",
    tag: "Keys",
    scopes: ["read"],
    openToUsers: true,
    method: "post",
    path: "/applications/{token}/tickets",
    operationId: "createTicket",
    summary: "Create a ticket for a stream",
    description:
      "Returns a ticket, which opens one stream of the application, once, within 30 seconds: append it to the stream's URL as `ticket`. It is for a browser's `EventSource`, which cannot send `Authorization`. It allows what the key or user token of this request allows, and ends with it.",
    params: ["token"],
    // Tickets are kept in Redis. A request does not wait for Redis inside the share.
    share: "none",
    limited: "requests",
    success: { status: 201, description: "The ticket", schema: ticketSchema },
    problems: ["application-not-found", "service-unavailable", ...reading],
  },
  createKey: ofApplication.create,
  uploadKey: {
    service: "api",
    tag: "Keys",
    scopes: ["admin"],
    guard: "application",
    method: "post",
    path: "/applications/{token}/public-keys",
    operationId: "uploadKey",
    summary: "Upload a public key",
    description:
      "Makes a public key of yours a key of the application. It has no secret: it only verifies the user tokens that you sign with your private key and that name it in `kid`. They never allow more than its scopes. It is listed, revoked and expires like other keys.",
    params: ["token"],
    body: { schema: uploadKeySchema, required: true, limitBytes: smallBody },
    limited: "requests",
    success: { status: 201, description: "The key", schema: keySchema },
    problems: ["application-not-found", ...storing],
  },
  listKeys: ofApplication.list,
  rotateKey: ofApplication.rotate,
  revokeKey: ofApplication.revoke,
  createAdminKey: ofInstallation.create,
  listAdminKeys: ofInstallation.list,
  rotateAdminKey: ofInstallation.rotate,
  revokeAdminKey: ofInstallation.revoke,
} as const satisfies Record<string, Route>;
