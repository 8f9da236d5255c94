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
  /** The tags that the resource may have; undefined if any. */
  readonly tags: readonly string[] | undefined;
  readonly context: RequestContext;
  /** A signal that aborts when the client leaves. Only for searches. */
  readonly left: () => AbortSignal;
  /**
   * Reads and encodes the body of an answer, outside the share of its application. Only for requests that wait: many of them share a read,
   * and the route bounds how many reads are under way.
   */
  readonly readEncoded: R extends { waits: true }
    ? <T extends { readonly items: AnswerOf<R> }>(read: () => Promise<T>) => Promise<T>
    : undefined;
  /** Runs a part of the work in its application's share. Parts must not be nested: the inner one would wait for the outer one. */
  readonly inShare: R extends { share: "parts" } ? InShare : undefined;
  /** Only for requests that wait. */
  readonly hold: R extends { waits: true } ? Hold : undefined;
  /** The client's, only for requests that wait. */
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
  /** The queries of the pages that this one links to. */
  readonly link?: PageLinks;
  /** Whether a repeated idempotency key is answered, so that nothing new was created. */
  readonly replayed?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export type RouteHandler<R extends Route> = (input: RouteInput<R>) => Promise<RouteOutput<R>> | RouteOutput<R>;

/** Whose limits a request uses up: those of an application and, with a user token, the share of its user. */
export interface Owner {
  readonly token: string;
  readonly user: string | undefined;
}

/** A change, by the name of what it locks: changes that lock the same wait for each other. Undefined if it locks nothing of others. */
export interface Change {
  readonly locks: string | undefined;
}

/**
 * Runs work when its owner may have more of it in progress; rejects with a problem after seconds, or at once if much is waiting. The
 * time of searches is limited as well.
 */
export type FairShares = <T>(
  owner: Owner,
  work: () => Promise<T>,
  kind: "list" | "search" | Change,
  waitBudget?: WaitBudget,
) => Promise<T>;

/** How long a request with several parts may still wait for its share; undefined until its first part has waited. */
export interface WaitBudget {
  leftMs?: number;
}

/** Runs work in the share of the application that a request belongs to. */
export type InShare = <T>(work: () => Promise<T>) => Promise<T>;

export interface MountOptions {
  /** Decides who may use the routes; without it they are public. */
  readonly access?: Access | undefined;
  /** Bounds the memory that bodies of unanswered requests hold. */
  readonly budget: ByteBudget;
  /** Runs what reads lists and what changes something, so that one application leaves the others their share of the database. */
  readonly share?: FairShares | undefined;
  /** For tests: an answer that does not match its schema is an error. */
  readonly validateResponses?: boolean;
}
