import { setTimeout as sleep } from "node:timers/promises";
import { fillPath, maxLimit, routes, type RouteName } from "@confab/contracts";
import { z } from "zod";
import { Refused, Unreachable } from "./api-errors.ts";

type Success<Name extends RouteName> = z.output<(typeof routes)[Name]["success"]["schema"]>;

export interface CallOptions {
  params?: Record<string, string | number>;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** Makes a POST safe to repeat. */
  idempotencyKey?: string;
}

interface Answer<T> {
  body: T;
  /** The following page's query; absent on the last one. */
  next: Record<string, string> | undefined;
  headers: Headers;
}

export interface ApiClient {
  readonly url: string;
  /**
   * Calls a route; throws `Refused` or `Unreachable`. What can be repeated safely is tried again, up to three times, where
   * the server asks for patience or the connection breaks.
   */
  call<Name extends RouteName>(name: Name, options?: CallOptions): Promise<Answer<Success<Name>>>;
  /** Calls once: for callers that repeat by themselves. */
  callOnce<Name extends RouteName>(name: Name, options?: CallOptions): Promise<Answer<Success<Name>>>;
}

const REQUEST_MS = 30_000;
const ATTEMPTS = 4;
const LONGEST_WAIT_MS = 10_000;

export interface ApiAddress {
  readonly url: string;
  /** Where ingest's routes are; by default under the same URL as the others. */
  readonly ingestUrl?: string | undefined;
  readonly adminKey?: string | undefined;
}

/** A client of Confab's API; answers are checked against the contracts. */
export function createApiClient({ adminKey, ...address }: ApiAddress): ApiClient {
  const [url, ingestUrl] = [address.url, address.ingestUrl ?? address.url].map((text) => text.replace(/\/+$/, "")) as [
    string,
    string,
  ];

  async function callOnce<Name extends RouteName>(name: Name, options: CallOptions = {}) {
    const route = routes[name];
    const { body, idempotencyKey } = options;
    const base = route.service === "ingest" ? ingestUrl : url;
    const target = `${base}${fillPath(route.path, options.params ?? {})}${queryString(options.query)}`;
    const headers = {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
      ...(adminKey !== undefined && "admin" in route ? { Authorization: `Bearer ${adminKey}` } : {}),
    };
    const { response, text } = await exchange(base, target, {
      method: route.method.toUpperCase(),
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (!response.ok) throw Refused.from(base, response, text);
    const parsed = route.success.schema.safeParse(parseJson(text));
    if (!parsed.success) throw Unreachable.strange(base, z.prettifyError(parsed.error));
    return {
      body: parsed.data as Success<Name>,
      next: nextQuery(response.headers.get("Link")),
      headers: response.headers,
    };
  }

  async function call<Name extends RouteName>(name: Name, options: CallOptions = {}) {
    const repeatable = routes[name].method === "get" || options.idempotencyKey !== undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await callOnce(name, options);
      } catch (error) {
        const waitMs = error instanceof Refused || error instanceof Unreachable ? error.retryAfterMs : undefined;
        if (!repeatable || attempt === ATTEMPTS || waitMs === undefined || waitMs > LONGEST_WAIT_MS) throw error;
        await sleep(Math.max(waitMs, 100 * 2 ** attempt));
      }
    }
  }

  return { url, call, callOnce };
}

type ListName = "listApplications" | "listChats" | "listMessages" | "searchMessages";
export type Item<Name extends ListName> = Success<Name>[number];
type Query = NonNullable<CallOptions["query"]>;

/** A list's pages in its order, until `limit` items are there. */
export async function* pages<Name extends ListName>(
  api: ApiClient,
  name: Name,
  { limit = Infinity, ...options }: CallOptions & { limit?: number },
): AsyncGenerator<Item<Name>[]> {
  let place: Query | undefined = options.query ?? {};
  for (let left = limit; left > 0 && place !== undefined;) {
    const query: Query = { ...place, limit: Math.min(left, maxLimit) };
    const answer: Answer<Success<Name>> = await api.call(name, { ...options, query });
    yield answer.body.slice(0, left);
    left -= answer.body.length;
    place = answer.next;
  }
}

/** The items of all pages in one array. */
export async function listed<T>(parts: AsyncIterable<T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const part of parts) all.push(...part);
  return all;
}

async function exchange(url: string, target: string, init: RequestInit): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(target, init);
    return { response, text: await response.text() };
  } catch (error) {
    throw Unreachable.from(url, error);
  }
}

function queryString(query: CallOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size > 0 ? `?${parameters.toString()}` : "";
}

function nextQuery(link: string | null): Record<string, string> | undefined {
  const target = /<([^>]*)>; rel="next"/.exec(link ?? "")?.[1];
  return target === undefined ? undefined : Object.fromEntries(new URL(target, "http://confab").searchParams);
}

/** `undefined` where it is not JSON, which no schema takes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
