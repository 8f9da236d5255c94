import { expressPath, isList, isSearch, shareOf, type Route } from "@confab/contracts";
import { giveWay } from "@confab/async";
import { shortToken } from "@confab/runtime";
import type { Response, Router } from "express";
import { admit, expectResource } from "./admission.ts";
import { clientAddress } from "./client-address.ts";
import { startEventStream, type EventStream } from "./event-stream.ts";
import { createHolding } from "./holding.ts";
import { contextOf, type RequestContext } from "./request-context.ts";
import { assertAnswer, payloadOf, writeAnswer } from "./route-answer.ts";
import {
  expectConditions,
  knownFieldsOf,
  readIdempotencyKey,
  readQuery,
  readRouteBody,
  readTags,
} from "./route-input.ts";
import type { InShare, MountOptions, RouteHandler, RouteInput, FairShares } from "./route-types.ts";
import { senderOf } from "./sender.ts";
import { unsentOf } from "./unsent.ts";
import { parseParams } from "./validation.ts";

/**
 * Mounts a row of the route table on a router. The handler receives only input that the row's schemas accept. Key,
 * path, query, headers and body are checked beforehand, in this order. The handler's result is written as JSON.
 */
export function mount<R extends Route>(
  router: Router,
  route: R,
  handler: RouteHandler<R>,
  options: MountOptions,
): void {
  const { access, budget, validateResponses = false } = options;
  const share: FairShares = options.share ?? ((_owner, work) => work());
  const shared = shareOf(route);
  const known = knownFieldsOf(route);
  router[route.method](expressPath(route.path), async (req, res) => {
    const context = contextOf(req);
    context.route = route.path;
    const admission = access && admit(access, req, route, context);
    if (admission !== undefined) await admission;
    const params = parseParams(route.params, req.params);
    context.logFields = logFieldsOf(params);
    expectResource(context.principal, route, params);
    const owner = ownerOf(params);
    const query = readQuery(req, route, known);
    expectConditions(route, req.headers);
    const idempotencyKey = route.idempotent === true ? readIdempotencyKey(req) : undefined;
    const tags = route.versioned === true ? readTags(req.headers["if-match"]) : undefined;
    const lease = route.body === undefined ? undefined : budget.open(senderOf(req, context.principal, owner));
    try {
      const body = lease && route.body && (await readRouteBody(req, route.body, known, lease));
      lease?.budget.assign(lease, owner, lease.held);
      const input = { params, query, body, idempotencyKey, tags, context, left: () => signalOf(res) };
      const holding = waits(route, query) ? createHolding(req, res, context, access) : undefined;
      // Lists that belong to no application have a separate share. The share includes the encoding, because otherwise
      // lists would be read faster than they are encoded and fill the memory.
      const ofOwner = { token: owner ?? context.principal?.token ?? "", user: context.principal?.user?.id };
      const encoded = async <T>(work: () => Promise<T>, bodyOf: (result: T) => unknown) => {
        if (isList(route)) unsentOf(res)?.expectRoom(ofOwner);
        const result = await work();
        return { result, payload: await payloadOf(route, bodyOf(result), owner) };
      };
      const waitBudget = {};
      const inShare: InShare = (work) => share(ofOwner, work, kindOf(route, params), waitBudget);
      const answer = async () => {
        if (holding === undefined) {
          const work = () =>
            encoded(
              async () => handler((shared === "parts" ? { ...input, inShare } : input) as RouteInput<R>),
              ({ body }) => body,
            );
          return shared === "whole" ? inShare(work) : work();
        }
        const result = await handler({
          ...input,
          hold: holding.hold,
          address: clientAddress(req),
          readEncoded: async <T extends { items: object }>(read: () => Promise<T>): Promise<T> =>
            (await encoded(read, ({ items }) => items)).result,
        } as RouteInput<R>);
        holding.end();
        return { result, payload: await payloadOf(route, result.body, owner) };
      };
      const { result: output, payload } = await answer();
      // Thousands of requests may have waited for the same message, so their answers are written in several turns.
      const turn = holding === undefined ? undefined : giveWay(owner);
      // Awaits only if there is a turn: an await without one would let all requests pass before the first one writes.
      if (turn !== undefined) await turn;
      if (validateResponses) assertAnswer(route, output.body);
      writeAnswer(req, res, route, ofOwner, output, payload);
    } finally {
      lease?.budget.release(lease);
    }
  });
}

/**
 * Returns the kind of work of a request. A change locks what its path names: a read horizon, a chat or an application.
 */
function kindOf(route: Route, { token, chat, reader }: Params): Parameters<FairShares>[2] {
  if (route.method === "get") return isSearch(route) ? "search" : "list";
  return { locks: token === undefined ? undefined : `${token} ${chat ?? ""} ${reader ?? ""}` };
}

/** Returns whether a request waits for messages. */
function waits(route: Route, query: unknown): boolean {
  return route.waits === true && (query as { wait?: number }).wait !== undefined;
}

/** Returns a signal that aborts when the connection closes, whether or not the answer has been sent. */
function signalOf(res: Response): AbortSignal {
  const leaving = new AbortController();
  if (res.destroyed) leaving.abort();
  else
    res.once("close", () => {
      leaving.abort();
    });
  return leaving.signal;
}

/**
 * The input of a stream's handler, which writes its answer itself. If it throws a problem before `start`, the problem
 * is answered as usual.
 */
export interface StreamInput<R extends Route> extends Pick<RouteInput<R>, "params" | "query" | "context"> {
  readonly lastEventId: string | undefined;
  /** The client's address. */
  readonly address: string;
  /** Begins the answer. `onClose` is called once, when the connection has closed. */
  readonly start: (onClose: () => void) => EventStream;
}

/**
 * Mounts a route whose answer is a stream of server-sent events. An object that outlives the handler should keep only
 * the context from the handler's input. Otherwise, it keeps the whole request in memory.
 */
export function mountStream<R extends Route>(
  router: Router,
  route: R,
  handler: (input: StreamInput<R>) => Promise<void>,
  { access }: Pick<MountOptions, "access"> = {},
): void {
  const known = knownFieldsOf(route);
  router[route.method](expressPath(route.path), async (req, res) => {
    const context = contextOf(req);
    context.route = route.path;
    const admission = access && admit(access, req, route, context);
    if (admission !== undefined) await admission;
    const params = parseParams(route.params, req.params);
    context.logFields = logFieldsOf(params);
    expectResource(context.principal, route, params);
    const query = readQuery(req, route, known);
    const header = req.headers["last-event-id"];
    const lastEventId = typeof header === "string" && header !== "" ? header : undefined;
    const start = (onClose: () => void): EventStream => startEventStream(res, both(context.onStream?.(), onClose));
    const address = clientAddress(req);
    await handler({ params, query, context, lastEventId, address, start } as StreamInput<R>);
  });
}

/** Returns a function that calls both. A closure in the caller would keep the request in memory. */
function both(first: (() => void) | undefined, second: () => void): () => void {
  return () => {
    first?.();
    second();
  };
}

interface Params {
  readonly token?: string;
  readonly chat?: number;
  readonly reader?: string;
}

function ownerOf({ token }: Params): string | undefined {
  return token;
}

/** Returns the application and chat in a path, for the log. */
function logFieldsOf({ token, chat }: Params): RequestContext["logFields"] {
  if (token === undefined) return undefined;
  return { application: shortToken(token), ...(chat !== undefined && { chat }) };
}
