import type { Access } from "@confab/access";
import type { PageLinks, ProblemError, Route, pathParameters } from "@confab/contracts";
import type { z } from "zod";
import type { ByteBudget } from "./byte-budget.ts";
import type { Hold } from "./holding.ts";
import type { RequestContext } from "./request-context.ts";

type ParamsOf<R extends Route> = {
  [Name in R["params"][number]]: z.output<(typeof pathParameters)[Name]["schema"]>;
};
type QueryOf<R extends Route> = R extends { query: infer Schema extends z.ZodType } ? z.output<Schema> : undefined;
type BodyOf<R extends Route> = R extends { body: { item: infer Item extends z.ZodType } }
  ? { readonly messages: readonly (z.output<Item> | ProblemError)[] }
  : R extends { body: { schema: infer Schema extends z.ZodType; required: infer Required } }
    ? z.output<Schema> | (Required extends true ? never : undefined)
    : undefined;

export interface RouteInput<R extends Route> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  readonly idempotencyKey: string | undefined;
  /** Tags that the resource may have, or undefined if every tag is allowed. */
  readonly tags: readonly string[] | undefined;
  readonly context: RequestContext;
  /** Returns a signal that aborts when the client leaves. Only for searches. */
  readonly left: () => AbortSignal;
  /**
   * Reads and encodes the body of an answer outside the application's fair share. Only for requests that wait: many of
   * them share a read, and the route limits how many reads run at once.
   */
  readonly readEncoded: R extends { waits: true }
    ? <T extends { readonly items: AnswerOf<R> }>(read: () => Promise<T>) => Promise<T>
    : undefined;
  /**
   * Runs a part of the work in its application's fair share. Parts must not be nested, because the inner part would
   * wait for the outer one.
   */
  readonly inShare: R extends { share: "parts" } ? InShare : undefined;
  /** Keeps the connection open while a request waits. Only for requests that wait. */
  readonly hold: R extends { waits: true } ? Hold : undefined;
  /** The client's address. Only for requests that wait. */
  readonly address: R extends { waits: true } ? string : undefined;
}

type AnswerOf<R extends Route> = R extends { success: { schema: infer Schema extends z.ZodType } }
  ? z.input<Schema>
  : undefined;

export interface RouteOutput<R extends Route> {
  readonly body: AnswerOf<R>;
  /** The tag of a resource that has versions, for its ETag. */
  readonly tag?: string;
  /** The path of the created resource. */
  readonly location?: string;
  /** Queries of the pages that this page links to. */
  readonly link?: PageLinks;
  /** Whether the answer is a replay, so that nothing new was created. */
  readonly replayed?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export type RouteHandler<R extends Route> = (input: RouteInput<R>) => Promise<RouteOutput<R>> | RouteOutput<R>;

/** The application whose limits a request uses and, with a user token, the user whose share it uses. */
export interface Owner {
  readonly token: string;
  readonly user: string | undefined;
}

/**
 * A change, identified by what it locks. Changes that lock the same thing wait for each other. `locks` is undefined if
 * no other change has to wait for this one.
 */
export interface Change {
  readonly locks: string | undefined;
}

/**
 * Runs work when its owner's fair share has room. Rejects with a problem if there is no room within some seconds, or at
 * once if too much work is already waiting. The total time of searches is limited as well.
 */
export type FairShares = <T>(
  owner: Owner,
  work: () => Promise<T>,
  kind: "list" | "search" | Change,
  waitBudget?: WaitBudget,
) => Promise<T>;

/**
 * Remaining time that a request with several parts may wait for its share. `leftMs` is undefined until its first part
 * has waited.
 */
export interface WaitBudget {
  leftMs?: number;
}

/** Runs work in the fair share of the application that a request belongs to. */
export type InShare = <T>(work: () => Promise<T>) => Promise<T>;

export interface MountOptions {
  /** Decides who may use the routes. Without it, they are public. */
  readonly access?: Access | undefined;
  /** Limits the memory held by bodies of unanswered requests. */
  readonly budget: ByteBudget;
  /** Runs reads of lists and changes, so that each application gets its fair share of the database. */
  readonly share?: FairShares | undefined;
  /** For tests: treats an answer that does not match its schema as an error. */
  readonly validateResponses?: boolean;
}
