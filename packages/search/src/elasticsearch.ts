import { errors } from "@elastic/elasticsearch";
import { z } from "zod";
import { addMissingFields, createIndex, resolveAlias } from "./aliases.ts";
import { writeToAll } from "./bulk.ts";
import { askWithTimeout, createConnection, type Connection, type ElasticsearchOptions } from "./connection.ts";
import { countHits } from "./count-hits.ts";
import { inApplication, inChat, type Position } from "./cursor.ts";
import { SearchUnavailable } from "./errors.ts";
import { applicationFilter, chatFilter } from "./filters.ts";
import { findPage } from "./find-page.ts";
import { contentFrom, contentSource } from "./mapping.ts";
import { fold } from "./fold.ts";
import { toPage, type Found } from "./page.ts";
import { matches, parseQuery } from "./query.ts";
import { sortingOf, type PositionSort } from "./sorting.ts";
import { createTurns } from "./turns.ts";
import { isCut } from "./words.ts";
import type {
  ApplicationSearchRequest,
  FoundInChat,
  FoundMessage,
  SearchFilters,
  SearchIndex,
  SearchPage,
  SearchRequest,
} from "./search-index.ts";

export interface ElasticsearchIndex extends SearchIndex {
  readonly kind: "elasticsearch";
  /** The connection, for `rebuild` and `verify`. */
  readonly connection: Connection;
}

const messageSource = z.object({
  number: z.int().positive(),
  version: z.int().positive(),
  change_number: z.int().optional(),
  uid: z.string().transform((uid): Uint8Array => Buffer.from(uid, "base64url")),
  ...contentSource,
  created_at: z.iso.datetime().transform((time) => new Date(time)),
  updated_at: z.iso.datetime().transform((time) => new Date(time)),
});

const messageFields = Object.keys(messageSource.shape);
const chatSource = { chat_id: z.string().transform(BigInt), chat_number: z.int().positive() };

const byNumber: PositionSort<number> = {
  ...inChat,
  fields: ["number"],
  toValues: (number) => [number],
  fromValues: z.tuple([z.int()]).transform(([number]) => number),
};
// Sorting by number would be enough, but in an index without searchable times, a search would then find nothing and
// report no error. Such an index refuses only to sort by times.
const byNumberAndTime: PositionSort<number> = {
  ...inChat,
  fields: ["number", "created_at"],
  toValues: (number) => [number, 0],
  fromValues: z.tuple([z.int(), z.int()]).transform(([number]) => number),
};
const byPosition: PositionSort<Position> = {
  ...inApplication,
  fields: ["created_at", "chat_number", "number"],
  toValues: ({ time, chatNumber, number }) => [time, chatNumber, number],
  fromValues: z
    .tuple([z.int(), z.int(), z.int()])
    .transform(([time, chatNumber, number]) => ({ time, chatNumber, number })),
};

async function prepare(connection: Connection): Promise<boolean> {
  if ((await resolveAlias(connection, connection.readAlias)).length > 0) {
    await addMissingFields(connection);
    return false;
  }
  try {
    await createIndex(connection, { serve: true });
    return true;
  } catch (error) {
    // If another process created its index first, creating this one failed, because Elasticsearch allows only one
    // serving index.
    if ((await resolveAlias(connection, connection.readAlias)).length === 0) throw error;
    return false;
  }
}

async function search(connection: Connection, request: SearchRequest): Promise<SearchPage> {
  const { chatId, limit } = request;
  const terms = parseQuery(request.q);
  const { cursorOf, ...sorting } = sortingOf(hasTimes(request) ? byNumberAndTime : byNumber, request, terms);
  const { hits, last } = await findPage(connection, {
    ...sorting,
    filter: chatFilter(chatId, request, terms),
    routing: [chatId],
    limit,
    fields: messageFields,
    signal: request.signal,
  });
  const found = hits.map((hit) => ({ message: messageFrom(messageSource.parse(hit._source)), cursor: cursorOf(hit) }));
  return toPage(await comparedAgain(found, terms), { limit, terms, rest: last && cursorOf(last) });
}

async function searchApplication(
  connection: Connection,
  request: ApplicationSearchRequest,
): Promise<SearchPage<FoundInChat>> {
  const { chats, limit } = request;
  const terms = parseQuery(request.q);
  const { cursorOf, ...sorting } = sortingOf(byPosition, request, terms);
  if (chats?.length === 0) return { hits: [] };
  const { hits, last } = await findPage(connection, {
    ...sorting,
    filter: applicationFilter(request, terms),
    routing: chats?.map(({ id }) => id),
    limit,
    fields: [...messageFields, ...Object.keys(chatSource)],
    signal: request.signal,
  });
  const found = hits.map((hit) => {
    const source = messageSource.extend(chatSource).parse(hit._source);
    const message = { ...messageFrom(source), chatId: source.chat_id, chatNumber: source.chat_number };
    return { message, cursor: cursorOf(hit) };
  });
  return toPage(await comparedAgain(found, terms), { limit, terms, rest: last && cursorOf(last) });
}

/** Returns the hits that contain the whole terms. A page may have fewer hits than requested although more follow. */
async function comparedAgain<Message extends FoundMessage>(
  found: readonly Found<Message>[],
  terms: readonly string[],
): Promise<readonly Found<Message>[]> {
  const long = terms.filter(isCut);
  if (long.length === 0) return found;
  const turns = createTurns();
  const whole: Found<Message>[] = [];
  for (const hit of found) {
    if (matches(fold(hit.message.body), long)) whole.push(hit);
    await turns.give();
  }
  return whole;
}

function hasTimes({ from, to }: SearchFilters): boolean {
  return (from ?? to) !== undefined;
}

function messageFrom(source: z.infer<typeof messageSource>): FoundMessage {
  const { number, uid, version, change_number: changeNumber = null } = source;
  const { created_at: createdAt, updated_at: updatedAt } = source;
  return { number, uid, version, changeNumber, ...contentFrom(source), createdAt, updatedAt };
}

/**
 * Waits for an answer. Throws `SearchUnavailable` if the index cannot be searched by time because an older version of
 * Confab created it.
 */
async function byTime<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof errors.ResponseError)) throw error;
    throw new SearchUnavailable(
      `Elasticsearch cannot search the index by time (${error.message}). Probably an older version of Confab created it. Run \`confabctl search reindex\`.`,
      { cause: error },
    );
  }
}

/** Creates the Elasticsearch 8 backend. It connects on the first request and does not retry for long. */
export function createElasticsearchIndex(options: ElasticsearchOptions): ElasticsearchIndex {
  const connection = createConnection(options);
  const { client, readAlias } = connection;
  return {
    kind: "elasticsearch",
    connection,
    prepare: () => prepare(connection),
    index: (documents, indexOptions) => writeToAll(connection, documents, indexOptions),
    search: (request) => {
      const answer = search(connection, request);
      return hasTimes(request) ? byTime(answer) : answer;
    },
    searchApplication: (request) => byTime(searchApplication(connection, request)),
    countHits: (request) => byTime(countHits(connection, request)),
    async ping() {
      await askWithTimeout(connection, (inTime) =>
        client.search(
          {
            index: readAlias,
            size: 0,
            terminate_after: 1,
            track_total_hits: false,
            allow_partial_search_results: false,
          },
          inTime,
        ),
      );
    },
    close: () => client.close(),
  };
}
