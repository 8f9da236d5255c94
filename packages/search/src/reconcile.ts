import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { askWithTimeout, type Connection } from "./connection.ts";
import { SearchUnavailable } from "./errors.ts";
import { stateFields, stateSource, uidText } from "./mapping.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import type { MessagePosition } from "./verify.ts";

/** A range of numbers in one chat, including both ends. Without `from` and `to`, it is the whole chat. */
export interface CountedRange {
  readonly chatId: bigint;
  readonly from?: number;
  readonly to?: number;
}

/** A chat, and the change number after which its changes are wanted. */
export interface ChatAfter {
  readonly chatId: bigint;
  readonly change: number;
}

/** A message in the database that the index should contain. */
export interface ExpectedMessage extends MessagePosition {
  readonly uid: Uint8Array;
  readonly version: number;
  readonly changeNumber: number | null;
}

/** A count of messages with the sum of their message numbers. */
export interface MessageCount {
  readonly count: number;
  readonly sum: number;
}

/**
 * Returns whether both may be counts of the same messages. Elasticsearch adds up sums as doubles, which are exact up to
 * 2⁵³: enough for about the first 130 million numbers of a chat. Above that, sums that differ only by rounding count as
 * equal.
 */
export function isSameCount(one: MessageCount, other: MessageCount): boolean {
  const larger = Math.max(one.sum, other.sum);
  const rounding = larger > Number.MAX_SAFE_INTEGER ? larger * 2 ** -50 : 0;
  return one.count === other.count && Math.abs(one.sum - other.sum) <= rounding;
}

const countOf = z.object({
  hits: z.object({ total: z.object({ value: z.int() }) }),
  aggregations: z.object({ numbers: z.object({ value: z.number() }) }),
});

/** Counts the messages of each range that are in the index. Throws `SearchUnavailable`. */
export async function countIndexed(
  { connection }: ElasticsearchIndex,
  ranges: readonly CountedRange[],
): Promise<MessageCount[]> {
  if (ranges.length === 0) return [];
  const index = connection.readAlias;
  const searches = ranges.flatMap(({ chatId, from, to }) => [
    { index, routing: chatId.toString() },
    {
      size: 0,
      track_total_hits: true,
      aggregations: { numbers: { sum: { field: "number" } } },
      query: {
        bool: {
          filter: [
            { term: { chat_id: chatId.toString() } },
            ...(from === undefined || to === undefined ? [] : [{ range: { number: { gte: from, lte: to } } }]),
          ],
        },
      },
    },
  ]);
  return (await answersOf(connection, searches)).map((answer) => {
    const { hits, aggregations } = countOf.parse(answer);
    return { count: hits.total.value, sum: aggregations.numbers.value };
  });
}

const numberField = z.object({ number: z.tuple([z.int()]).transform(([number]) => number) });

/** The number of a document in the index, with the version that Elasticsearch compares. */
export interface IndexedNumber {
  readonly number: number;
  readonly version: number;
}

/**
 * Returns the numbers and versions of the documents in a range of at most 10,000 numbers. Throws `SearchUnavailable`.
 */
export async function numbersInIndex(
  { connection }: ElasticsearchIndex,
  { chatId, from, to }: Required<CountedRange>,
): Promise<IndexedNumber[]> {
  const filter = [{ term: { chat_id: chatId.toString() } }, { range: { number: { gte: from, lte: to } } }];
  const answer = await askWithTimeout(connection, (inTime) =>
    connection.client.search(
      {
        index: connection.readAlias,
        routing: chatId.toString(),
        query: { bool: { filter } },
        size: to - from + 1,
        _source: false,
        docvalue_fields: ["number"],
        track_total_hits: false,
        version: true,
        allow_partial_search_results: false,
      },
      inTime,
    ),
  );
  return answer.hits.hits.map(({ fields, _version = 0 }) => ({
    number: numberField.parse(fields).number,
    version: _version,
  }));
}

/**
 * Returns the messages that the index does not contain, or contains with a different uid, version or change. Throws
 * `SearchUnavailable`.
 */
export async function findMissing<Message extends ExpectedMessage>(
  { connection }: ElasticsearchIndex,
  messages: readonly Message[],
): Promise<Message[]> {
  if (messages.length === 0) return [];
  const docs = messages.map(({ chatId, number }) => documentOf(connection, { chatId, number }));
  const answer = await askWithTimeout(connection, (inTime) => connection.client.mget({ docs }, inTime));
  return messages.filter(({ uid, version, changeNumber }, at) => {
    const found = answer.docs[at];
    if (found === undefined || !("found" in found) || !found.found) return true;
    const document = stateSource.parse(found._source);
    if (document.uid !== uidText(uid) || document.version !== version) return true;
    // A message that was stored late has a change number, but still its original content.
    return version > 1 && document.change_number !== changeNumber;
  });
}

function documentOf({ readAlias }: Connection, { chatId, number }: MessagePosition) {
  return { _index: readAlias, _id: `${chatId}-${number}`, routing: chatId.toString(), _source: stateFields };
}

const maxAhead = 500;

/**
 * Returns the numbers of messages, at most 500 per chat, whose change number in the index is above the given one.
 * Throws `SearchUnavailable`.
 */
export async function changedAfter(
  { connection }: ElasticsearchIndex,
  chats: readonly ChatAfter[],
): Promise<number[][]> {
  if (chats.length === 0) return [];
  const searches = chats.flatMap(({ chatId, change }) => [
    { index: connection.readAlias, routing: chatId.toString() },
    {
      query: {
        bool: { filter: [{ term: { chat_id: chatId.toString() } }, { range: { change_number: { gt: change } } }] },
      },
      size: maxAhead,
      _source: false,
      docvalue_fields: ["number"],
      track_total_hits: false,
    },
  ]);
  return (await answersOf(connection, searches)).map(({ hits }) =>
    hits.hits.map(({ fields }) => numberField.parse(fields).number),
  );
}

/**
 * Runs many searches in one request. The request may take longer than a reader would wait, because sums read all
 * messages in the chats.
 */
async function answersOf({ client, bulkTimeoutMs }: Connection, searches: estypes.MsearchRequestItem[]) {
  const patient = { requestTimeoutMs: bulkTimeoutMs };
  const { responses } = await askWithTimeout(patient, (inTime) => client.msearch({ searches }, inTime));
  return responses.map((response) => {
    if ("error" in response) throw new SearchUnavailable(`Elasticsearch: ${response.error.type}`);
    return response;
  });
}
