import { z } from "zod";
import { createIndex, resolveAlias } from "./aliases.ts";
import { writeToAll } from "./bulk.ts";
import { askInTime, createConnection } from "./connection.ts";
import type { Connection, ElasticsearchOptions } from "./connection.ts";
import { decodeCursor } from "./cursor.ts";
import { termQuery } from "./mapping.ts";
import { toPage } from "./page.ts";
import { parseQuery } from "./query.ts";
import type { SearchIndex, SearchPage, SearchRequest } from "./search-index.ts";

export interface ElasticsearchIndex extends SearchIndex {
  readonly kind: "elasticsearch";
  /** What `rebuild` and `verify` work on. */
  readonly connection: Connection;
}

const messageSource = z.object({
  number: z.int().positive(),
  body: z.string(),
  created_at: z.iso.datetime().transform((time) => new Date(time)),
  updated_at: z.iso.datetime().transform((time) => new Date(time)),
});

async function prepare(connection: Connection): Promise<void> {
  if ((await resolveAlias(connection, connection.readAlias)).length > 0) return;
  try {
    await createIndex(connection, { serve: true });
  } catch (error) {
    // Another process was faster: Elasticsearch lets only one index serve, so this one was not made.
    if ((await resolveAlias(connection, connection.readAlias)).length === 0) throw error;
  }
}

async function search(connection: Connection, { chatId, q, limit, cursor }: SearchRequest): Promise<SearchPage> {
  const terms = parseQuery(q);
  const before = cursor === undefined ? undefined : decodeCursor(cursor);
  const answer = await askInTime(connection, (inTime) =>
    connection.client.search(
      {
        index: connection.readAlias,
        routing: chatId.toString(),
        query: { bool: { filter: [{ term: { chat_id: chatId.toString() } }, ...terms.map(termQuery)] } },
        sort: [{ number: "desc" }],
        ...(before === undefined ? {} : { search_after: [before] }),
        // One more than asked for tells whether there is a next page.
        size: limit + 1,
        _source: ["number", "body", "created_at", "updated_at"],
        track_total_hits: false,
        allow_partial_search_results: false,
      },
      inTime,
    ),
  );
  const found = answer.hits.hits.map((hit) => {
    const { number, body, created_at, updated_at } = messageSource.parse(hit._source);
    return { number, body, createdAt: created_at, updatedAt: updated_at };
  });
  return toPage(found, limit, terms);
}

/** Search in Elasticsearch 8; connects with the first request, and never tries again on its own for long. */
export function createElasticsearchIndex(options: ElasticsearchOptions): ElasticsearchIndex {
  const connection = createConnection(options);
  const { client, readAlias } = connection;
  return {
    kind: "elasticsearch",
    connection,
    prepare: () => prepare(connection),
    index: (documents, indexOptions) => writeToAll(connection, documents, indexOptions),
    search: (request) => search(connection, request),
    async ping() {
      await askInTime(connection, (inTime) =>
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
