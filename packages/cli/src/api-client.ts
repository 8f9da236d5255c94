import { setTimeout as sleep } from "node:timers/promises";
import { encodeJson, fillPath, maxLimit, routes, type Route, type RouteName } from "@confab/contracts";
import { EventSourceParserStream, type EventSourceMessage } from "eventsource-parser/stream";
import { z } from "zod";
import { isTemporary, Refused, Unreachable } from "./api-errors.ts";
import { parseExactly } from "./exact-json.ts";

type Success<Name extends RouteName> = (typeof routes)[Name]["success"] extends {
  schema: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;

export interface CallOptions {
  readonly params?: Record<string, string | number>;
  readonly query?: Record<string, string | number | undefined>;
  readonly body?: unknown;
  /** Makes a POST safe to repeat. */
  readonly idempotencyKey?: string;
  /** The ETag that the resource must have. */
  readonly tag?: string | undefined;
  /** Ends the request, whose outcome is then unknown. */
  readonly signal?: AbortSignal;
}

interface Answer<T> {
  readonly body: T;
  /** The query of the following page; undefined on the last page. */
  readonly next: Record<string, string> | undefined;
  readonly headers: Headers;
}

export interface ApiClient {
  readonly url: string;
  /**
   * Calls a route; throws `Refused` or `Unreachable`. A request that is safe to repeat is retried up to three times if the
   * server asks for it or the connection breaks.
   */
  call<Name extends RouteName>(name: Name, options?: CallOptions): Promise<Answer<Success<Name>>>;
  /** The events of a chat after a position, until the connection ends; throws `Refused` or `Unreachable`. */
  stream(chat: { token: string; chat: number }, after: string): AsyncGenerator<EventSourceMessage>;
  /** Calls once, for callers that retry by themselves. */
  callOnce<Name extends RouteName>(name: Name, options?: CallOptions): Promise<Answer<Success<Name>>>;
}

const requestTimeoutMs = 30_000;
const maxAttempts = 4;
const maxPauseMs = 10_000;
/** Three times the interval of the signs of life that a stream sends. */
const silenceMs = 45_000;

export interface ApiAddress {
  readonly url: string;
  /** URL of ingest's routes; by default the same as of the others. */
  readonly ingestUrl?: string | undefined;
  /** A key of an application, or an admin key. */
  readonly key?: string | undefined;
  /** Sent to routes that only an admin key opens, and to all others if there is no key. */
  readonly adminKey?: string | undefined;
}

/** Creates a client of Confab's API; answers are checked against the contracts. */
export function createApiClient({ key, adminKey, ...address }: ApiAddress): ApiClient {
  const [url, ingestUrl] = [address.url, address.ingestUrl ?? address.url].map((text) => text.replace(/\/+$/, "")) as [
    string,
    string,
  ];

  function authorization(route: Route): { Authorization?: string } {
    const sent = route.guard === "installation" ? (adminKey ?? key) : (key ?? adminKey);
    return sent === undefined ? {} : { Authorization: `Bearer ${sent}` };
  }

  async function callOnce<Name extends RouteName>(name: Name, options: CallOptions = {}) {
    const route = routes[name];
    const { body, idempotencyKey, tag, signal } = options;
    const timeout = AbortSignal.timeout(requestTimeoutMs + 1000 * Number(options.query?.wait ?? 0));
    const base = route.service === "ingest" ? ingestUrl : url;
    const target = `${base}${fillPath(route.path, options.params ?? {})}${queryString(options.query)}`;
    const headers = {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
      ...(tag === undefined ? {} : { "If-Match": tag }),
      ...authorization(route),
    };
    const { response, text } = await exchange(base, target, {
      method: route.method.toUpperCase(),
      headers,
      ...(body === undefined ? {} : { body: encodeJson(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    if (!response.ok) throw Refused.from(base, response, text);
    const { success }: Route = route;
    const parsed = success.schema?.safeParse(parseJson(text));
    if (parsed?.success === false) throw Unreachable.unexpectedAnswer(base, z.prettifyError(parsed.error));
    return {
      body: parsed?.data as Success<Name>,
      next: nextQuery(response.headers.get("Link")),
      headers: response.headers,
    };
  }

  async function call<Name extends RouteName>(name: Name, options: CallOptions = {}) {
    // Changes and deletions without a version have no further effect when they are repeated.
    const isIdempotent = routes[name].method !== "post" && options.tag === undefined;
    const repeatable = isIdempotent || options.idempotencyKey !== undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await callOnce(name, options);
      } catch (error) {
        const waitMs = isTemporary(error) ? error.retryAfterMs : undefined;
        if (!repeatable || attempt === maxAttempts || waitMs === undefined || waitMs > maxPauseMs) throw error;
        await sleep(Math.max(waitMs, 100 * 2 ** attempt));
      }
    }
  }

  async function* stream(params: { token: string; chat: number }, after: string): AsyncGenerator<EventSourceMessage> {
    const target = `${url}${fillPath(routes.streamMessages.path, params)}${queryString({ after })}`;
    const silence = new AbortController();
    const timer = setTimeout(() => {
      silence.abort();
    }, silenceMs);
    try {
      const headers = authorization(routes.streamMessages);
      const response = await fetch(target, { headers, signal: silence.signal });
      if (!response.ok) throw Refused.from(url, response, await response.text());
      const events = new EventSourceParserStream({ onComment: () => timer.refresh() });
      for await (const event of response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(events)) {
        timer.refresh();
        yield event;
      }
    } catch (error) {
      throw error instanceof Refused ? error : Unreachable.from(url, error);
    } finally {
      clearTimeout(timer);
    }
  }

  return { url, call, callOnce, stream };
}

export type Item<Name extends RouteName> = Success<Name> extends readonly (infer One)[] ? One : never;
type Query = NonNullable<CallOptions["query"]>;

/** Yields the pages of a list in its order, until `limit` items were returned. */
export async function* pages<Name extends RouteName>(
  api: ApiClient,
  name: Name,
  { limit = Infinity, ...options }: CallOptions & { limit?: number },
): AsyncGenerator<Item<Name>[]> {
  let position: Query | undefined = options.query ?? {};
  for (let left = limit; left > 0 && position !== undefined;) {
    const query: Query = { ...position, limit: Math.min(left, maxLimit) };
    const answer = await api.call(name, { ...options, query });
    const items = answer.body as Item<Name>[];
    yield items.slice(0, left);
    left -= items.length;
    position = answer.next;
  }
}

/** Returns the items of all pages in one array. */
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

/** Parses JSON. Returns `undefined` for any other text, which no schema accepts. */
function parseJson(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
