import { withTimeout } from "@confab/runtime";
import { Client, errors, type ClientOptions } from "@elastic/elasticsearch";
import { isAskerWrong, SearchUnavailable } from "./errors.ts";

export interface ElasticsearchOptions {
  /** One address or several, separated by commas; the first one with credentials gives them for all. */
  url: string;
  /** As they are, not encoded; they win over the address's. */
  username?: string | undefined;
  password?: string | undefined;
  /** Instead of a user, in the form in which Elasticsearch gives it: base64 of id and key. */
  apiKey?: string | undefined;
  /** Name of the read alias and beginning of every other name. Default `confab-messages`. */
  name?: string;
  /** How long a search may take, in milliseconds. Default 2,000. */
  requestTimeoutMs?: number;
  /** How long a bulk or an administrative request may take, in milliseconds. Default 30,000. */
  bulkTimeoutMs?: number;
  /** Shards of an index that is made from now on. Default 1. */
  shards?: number;
}

/** A client with the names that belong together. */
export interface Connection {
  client: Client;
  /** Alias of the index that is searched. */
  readAlias: string;
  /** Alias of every index that must get what is written: two while one is being rebuilt. */
  writeAlias: string;
  requestTimeoutMs: number;
  bulkTimeoutMs: number;
  shards: number;
}

/** Connects nothing yet; throws a `TypeError` when an address is not a URL. */
export function createConnection(options: ElasticsearchOptions): Connection {
  const { name = "confab-messages", requestTimeoutMs = 2_000, bulkTimeoutMs = 30_000, shards = 1 } = options;
  const urls = options.url.split(",").map((url) => new URL(url.trim()));
  const client = new Client({
    nodes: urls.map((url) => {
      const bare = new URL(url);
      bare.username = bare.password = "";
      return bare.href;
    }),
    ...authOf(options, urls),
    // One retry reaches another node where there is one; the queue above retries for longer, a reader wants an answer.
    maxRetries: urls.length > 1 ? 1 : 0,
    requestTimeout: bulkTimeoutMs,
    sniffOnStart: false,
    sniffOnConnectionFault: false,
    compression: false,
  });
  return { client, readAlias: name, writeAlias: `${name}-write`, requestTimeoutMs, bulkTimeoutMs, shards };
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

/**
 * Asks what a reader waits for; throws `SearchUnavailable` when that takes longer than a search may. The client alone does not see
 * to it: its own timeout is up to a second late, and while it connects, as to a pod that is gone, it heeds no signal for ten.
 */
export async function askInTime<T>(
  { requestTimeoutMs }: Connection,
  request: (options: { requestTimeout: number; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const answer = ask(request({ requestTimeout: requestTimeoutMs, signal: ending.signal }));
  return withTimeout(answer, requestTimeoutMs, () => {
    ending.abort();
    return new SearchUnavailable("Elasticsearch: no answer in time");
  });
}

/** Waits for an answer; throws `SearchUnavailable` for every failure but a request that Elasticsearch calls wrong. */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof errors.ElasticsearchClientError)) throw error;
    if (error instanceof errors.ResponseError && isAskerWrong(error.statusCode, typeOf(error))) throw error;
    const reason = error instanceof errors.RequestAbortedError ? "no answer in time" : error.message;
    throw new SearchUnavailable(`Elasticsearch: ${reason}`, { cause: error });
  }
}

function typeOf({ body }: errors.ResponseError): string | undefined {
  return (body as { error?: { type?: string } } | undefined)?.error?.type;
}
