import { alwaysFit, countFitting } from "@confab/contracts";
import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { addMissingFields, createIndex, resolveAlias } from "./aliases.ts";
import { writeToAll } from "./bulk.ts";
import { askWithTimeout, createConnection } from "./connection.ts";
import type { Connection, ElasticsearchOptions, RequestOptions } from "./connection.ts";
import { decodeCursor } from "./cursor.ts";
import { contentFrom, contentSource, termQuery } from "./mapping.ts";
import { toPage } from "./page.ts";
import { parseQuery } from "./query.ts";
import type { SearchIndex, SearchPage, SearchRequest } from "./search-index.ts";

export interface ElasticsearchIndex extends SearchIndex {
  readonly kind: "elasticsearch";
  /** For `rebuild` and `verify`. */
  readonly connection: Connection;
}

const messageSource = z.object({
  number: z.int().positive(),
  version: z.int().positive(),
  uid: z.string().transform((uid): Uint8Array => Buffer.from(uid, "base64url")),
  ...contentSource,
  created_at: z.iso.datetime().transform((time) => new Date(time)),
  updated_at: z.iso.datetime().transform((time) => new Date(time)),
});

const oneNumber = z.tuple([z.int()]).transform(([number]) => number);
const sizeFields = z.object({ number: oneNumber, bytes: oneNumber });

async function prepare(connection: Connection): Promise<boolean> {
  if ((await resolveAlias(connection, connection.readAlias)).length > 0) {
    await addMissingFields(connection);
    return false;
  }
  try {
    await createIndex(connection, { serve: true });
    return true;
  } catch (error) {
    // Another process was faster. Elasticsearch allows only one serving index, so this one was not created.
    if ((await resolveAlias(connection, connection.readAlias)).length === 0) throw error;
    return false;
  }
}

/** Finds the messages of a chat that match all filters, newest first. */
type FindNewest = (
  filter: estypes.QueryDslQueryContainer[],
  fields: Pick<estypes.SearchRequest, "_source" | "docvalue_fields" | "size" | "search_after">,
) => Promise<estypes.SearchHit[]>;

function findNewestIn({ client, readAlias }: Connection, chatId: bigint, inTime: RequestOptions): FindNewest {
  return async (filter, fields) => {
    const answer = await client.search(
      {
        index: readAlias,
        routing: chatId.toString(),
        query: { bool: { filter: [{ term: { chat_id: chatId.toString() } }, ...filter] } },
        sort: [{ number: "desc" }],
        track_total_hits: false,
        allow_partial_search_results: false,
        ...fields,
      },
      inTime,
    );
    return answer.hits.hits;
  };
}

async function search(connection: Connection, request: SearchRequest): Promise<SearchPage> {
  const { chatId, q, sender, limit, cursor } = request;
  const terms = q === undefined ? [] : parseQuery(q);
  const filter = [...(sender === undefined ? [] : [{ term: { sender } }]), ...terms.map(termQuery)];
  const below = cursor === undefined ? {} : { search_after: [decodeCursor(cursor)] };
  // Both questions share one timeout.
  const { found, rest } = await askWithTimeout(connection, async (inTime) => {
    const findNewest = findNewestIn(connection, chatId, inTime);
    // Two hundred bodies can be 13 MB, which take long to parse. Read the sizes first, then only the messages that fit.
    const fits =
      limit < alwaysFit ? undefined : await findFitting(findNewest, filter, { ...below, size: limit + 1 }, limit);
    if (fits?.size === 0) return { found: [] };
    const hits = await findNewest([...filter, ...(fits?.range ?? [])], {
      ...below,
      // One more than the limit shows whether there is a next page.
      size: fits?.size ?? limit + 1,
      _source: ["number", "uid", "version", ...Object.keys(contentSource), "created_at", "updated_at"],
    });
    return { found: hits, rest: fits?.rest };
  });
  const messages = found.map(({ _source }) => {
    const source = messageSource.parse(_source);
    const { number, uid, version, created_at: createdAt, updated_at: updatedAt } = source;
    return { number, uid, version, ...contentFrom(source), createdAt, updatedAt };
  });
  return toPage(messages, { limit, terms, rest });
}

/** Finds the hits that fit on one page: their number, a filter that selects them, and where the next page begins. */
async function findFitting(
  findNewest: FindNewest,
  filter: estypes.QueryDslQueryContainer[],
  fields: Pick<estypes.SearchRequest, "size" | "search_after">,
  limit: number,
) {
  const hits = await findNewest(filter, {
    ...fields,
    _source: false,
    docvalue_fields: ["number", "bytes"],
  });
  const sizes = hits.map((hit) => sizeFields.parse(hit.fields));
  const size = countFitting(
    sizes.map(({ bytes }) => bytes),
    limit,
  );
  const [highest, lowest] = [sizes[0]?.number, sizes[size - 1]?.number];
  const range =
    highest === undefined || lowest === undefined ? [] : [{ range: { number: { gte: lowest, lte: highest } } }];
  return { size, range, rest: sizes.length > size ? lowest : undefined };
}

/** Search in Elasticsearch 8. Connects with the first request and does not retry for long. */
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
