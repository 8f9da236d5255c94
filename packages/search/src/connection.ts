import { withTimeout } from "@confab/async";
import { Client, errors, type ClientOptions } from "@elastic/elasticsearch";
import { isInvalidRequest, SearchUnavailable } from "./errors.ts";

export interface ElasticsearchOptions {
  /** One URL, or several separated by commas. The credentials in the first URL that has any are used for all. */
  readonly url: string;
  /** Username, not URL-encoded. Username and password take precedence over the credentials in the URL. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** API key, used instead of a username and password. It has Elasticsearch's `encoded` form: base64 of id and key. */
  readonly apiKey?: string | undefined;
  /** Name of the read alias and prefix of all other names. Default: `confab-messages`. */
  readonly name?: string;
  /** Number of shards of a new index. Default: 1. */
  readonly shards?: number;
  /** Timeout of a search in milliseconds. Default: 2,000. */
  readonly requestTimeoutMs?: number;
  /** Timeout of bulk and administrative requests in milliseconds. Default: 30,000. */
  readonly bulkTimeoutMs?: number;
}

/** An Elasticsearch client, with its timeouts and the names of its aliases. */
export interface Connection {
  readonly client: Client;
  /** Alias of the index that serves searches. */
  readonly readAlias: string;
  /** Alias of all indices that are written to: two during a rebuild. */
  readonly writeAlias: string;
  readonly shards: number;
  readonly requestTimeoutMs: number;
  readonly bulkTimeoutMs: number;
}

/** Creates a client that does not connect yet. Throws a `TypeError` if an address is not a URL. */
export function createConnection(options: ElasticsearchOptions): Connection {
  const { name = "confab-messages", shards = 1, requestTimeoutMs = 2_000, bulkTimeoutMs = 30_000 } = options;
  const urls = options.url.split(",").map((url) => new URL(url.trim()));
  const client = new Client({
    nodes: urls.map((url) => {
      const bare = new URL(url);
      bare.username = bare.password = "";
      return bare.href;
    }),
    ...authOf(options, urls),
    // One retry reaches another node, if there is one. The queue retries for longer anyway, and a reader needs an
    // answer soon.
    maxRetries: urls.length > 1 ? 1 : 0,
    requestTimeout: bulkTimeoutMs,
    sniffOnStart: false,
    sniffOnConnectionFault: false,
    compression: false,
  });
  return { client, readAlias: name, writeAlias: `${name}-write`, shards, requestTimeoutMs, bulkTimeoutMs };
}

function authOf(
  { username, password, apiKey }: ElasticsearchOptions,
  urls: readonly URL[],
): Pick<ClientOptions, "auth"> {
  if (apiKey !== undefined) return { auth: { apiKey } };
  const login = urls.find((url) => url.username !== "");
  const user = username ?? decodeURIComponent(login?.username ?? "");
  if (user === "") return {};
  return { auth: { username: user, password: password ?? decodeURIComponent(login?.password ?? "") } };
}

/** Options that end a request in time. */
export interface RequestOptions {
  readonly requestTimeout: number;
  readonly signal: AbortSignal;
}

/**
 * Sends requests for which a reader is waiting. Throws `SearchUnavailable` after the timeout of a search, and when the
 * signal aborts because nobody is waiting any more. Elasticsearch cancels a search whose connection closes. The
 * client's own timeout is not enough: it can be one second late, and while connecting, for example to a deleted pod,
 * the client ignores the signal for ten seconds.
 */
export async function askWithTimeout<T>(
  { requestTimeoutMs }: Pick<Connection, "requestTimeoutMs">,
  request: (options: RequestOptions) => Promise<T>,
  left?: AbortSignal,
): Promise<T> {
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
  };
  if (left?.aborted === true) throw new SearchUnavailable("Elasticsearch: nobody waits for the answer");
  left?.addEventListener("abort", end);
  try {
    const answer = ask(request({ requestTimeout: requestTimeoutMs, signal: ending.signal }));
    return await withTimeout(answer, requestTimeoutMs, () => {
      end();
      return new SearchUnavailable("Elasticsearch: no answer in time");
    });
  } finally {
    left?.removeEventListener("abort", end);
  }
}

/**
 * Returns the time limit of a search in Elasticsearch, so that it does not continue when nobody is waiting any more.
 */
export const timeoutOf = ({ requestTimeout }: RequestOptions): string => `${requestTimeout}ms`;

/** Returns the answer to a search. Throws `SearchUnavailable` if hits may be missing. */
export function complete<Answer extends { timed_out: boolean }>(answer: Answer): Answer {
  if (answer.timed_out) throw new SearchUnavailable("Elasticsearch: the search took too long");
  return answer;
}

/**
 * Waits for an answer. Throws `SearchUnavailable` for every failure except a request that Elasticsearch rejects as
 * invalid.
 */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof errors.ElasticsearchClientError)) throw error;
    if (error instanceof errors.ResponseError && isInvalidRequest(error.statusCode, typeOf(error))) throw error;
    const reason = error instanceof errors.RequestAbortedError ? "no answer in time" : error.message;
    throw new SearchUnavailable(`Elasticsearch: ${reason}`, { cause: error });
  }
}

function typeOf({ body }: errors.ResponseError): string | undefined {
  return (body as { error?: { type?: string } } | undefined)?.error?.type;
}
