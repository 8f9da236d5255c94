import { isDeepStrictEqual } from "node:util";
import { contentFields, contentOf, type MessageContent } from "@confab/contracts";
import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { ask, type Connection } from "./connection.ts";
import { contentFrom, contentSource } from "./mapping.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import type { DocumentSource } from "./rebuild.ts";
import type { SearchDocument } from "./search-index.ts";

export interface MessagePosition {
  readonly chatId: bigint;
  readonly number: number;
}

export interface Differences {
  count: number;
  /** Positions of the first 20 messages. */
  readonly first: MessagePosition[];
}

export interface VerifyResult {
  /** Number of messages that are equal in the index and the database. */
  equal: number;
  readonly missing: Differences;
  readonly extra: Differences;
  /** Messages whose content, version, application or chat number differs between index and database. */
  readonly different: Differences;
}

interface Message extends MessagePosition, MessageContent {
  readonly applicationId: bigint;
  /** The chat's number, or undefined if an older version of Confab indexed the message. */
  readonly chatNumber: number | undefined;
  readonly version: number;
}

// Number of documents per request. A body can have 64 KiB, so an answer has at most 32 MiB.
const pageLength = 500;
const maxShown = 20;
const keepAlive = "2m";

/** Maximum number of differences that are compared a second time. */
const maxSuspects = 10_000;

const sourceFields = ["chat_id", "application_id", "chat_number", "number", "version", ...Object.keys(contentSource)];

const indexedMessage = z.object({
  chat_id: z.string().transform(BigInt),
  application_id: z.string().transform(BigInt),
  chat_number: z.int().optional(),
  number: z.int(),
  version: z.int(),
  ...contentSource,
});

export interface VerifyOptions {
  /**
   * Waits until messages written in the meantime are indexed, and returns the rows of the given messages, at most 500.
   * Only messages that still differ then count as different. Without this function, messages written during the
   * comparison may count as different.
   */
  readonly settled?: (positions: readonly MessagePosition[]) => Promise<readonly SearchDocument[]>;
}

async function* storedMessages(source: DocumentSource): AsyncGenerator<Message> {
  for await (const documents of source()) yield* living(documents);
}

function living(documents: readonly SearchDocument[]): Message[] {
  return documents
    .filter(({ deletedAt }) => deletedAt === null)
    .map((document) => {
      const { chatId, number, applicationId, chatNumber, version, body } = document;
      return { chatId, number, applicationId, chatNumber, version, ...contentOf(document), body: body.toWellFormed() };
    });
}

async function* indexedMessages({ client, readAlias, bulkTimeoutMs }: Connection): AsyncGenerator<Message> {
  const transport = { requestTimeout: bulkTimeoutMs };
  await ask(client.indices.refresh({ index: readAlias }, transport));
  let { id } = await ask(client.openPointInTime({ index: readAlias, keep_alive: keepAlive }, transport));
  try {
    let after: estypes.SortResults | undefined;
    do {
      const answer = await ask(
        client.search(
          {
            pit: { id, keep_alive: keepAlive },
            sort: [{ chat_id: "asc" }, { number: "asc" }],
            ...(after === undefined ? {} : { search_after: after }),
            size: pageLength,
            _source: sourceFields,
            track_total_hits: false,
            allow_partial_search_results: false,
          },
          transport,
        ),
      );
      id = answer.pit_id ?? id;
      after = undefined;
      for (const { _source, sort = [] } of answer.hits.hits) {
        const message = messageFrom(_source);
        yield message;
        // The sort value of a chat id is a JSON number that may have lost its last digits.
        after = sort.with(0, message.chatId.toString());
      }
    } while (after !== undefined);
  } finally {
    await ask(client.closePointInTime({ id }, transport));
  }
}

/** Returns the given messages that the index contains, by key. */
async function indexedOf(connection: Connection, positions: readonly MessagePosition[]): Promise<Map<string, Message>> {
  const { client, readAlias, bulkTimeoutMs } = connection;
  const transport = { requestTimeout: bulkTimeoutMs };
  await ask(client.indices.refresh({ index: readAlias }, transport));
  const docs = positions.map((position) => ({
    _index: readAlias,
    _id: keyOf(position),
    routing: position.chatId.toString(),
    _source: sourceFields,
  }));
  const answer = await ask(client.mget({ docs }, transport));
  const found = answer.docs.flatMap((doc) => ("found" in doc && doc.found ? [messageFrom(doc._source)] : []));
  return new Map(found.map((message) => [keyOf(message), message]));
}

function messageFrom(source: unknown): Message {
  const message = indexedMessage.parse(source);
  const { chat_id: chatId, application_id: applicationId, chat_number: chatNumber, number, version } = message;
  return { chatId, applicationId, chatNumber, number, version, ...contentOf(contentFrom(message)) };
}

/** Returns the id of a message's document. */
const keyOf = ({ chatId, number }: MessagePosition): string => `${chatId}-${number}`;

function compare(a: MessagePosition, b: MessagePosition): number {
  if (a.chatId !== b.chatId) return a.chatId < b.chatId ? -1 : 1;
  return a.number - b.number;
}

function note(differences: Differences, { chatId, number }: MessagePosition): void {
  differences.count++;
  if (differences.first.length < maxShown) differences.first.push({ chatId, number });
}

/**
 * Compares the index with the database message by message. Reads both in order, so memory use does not grow with their
 * size, except for at most 10,000 differences, which are compared a second time.
 */
export async function verify(
  es: ElasticsearchIndex,
  source: DocumentSource,
  { settled }: VerifyOptions = {},
): Promise<VerifyResult> {
  const empty = (): Differences => ({ count: 0, first: [] });
  const result: VerifyResult = { equal: 0, missing: empty(), extra: empty(), different: empty() };
  const suspects: MessagePosition[] = [];
  const count = (kind: keyof VerifyResult, position: MessagePosition): void => {
    if (kind === "equal") result.equal++;
    else note(result[kind], position);
  };
  const meet = (stored: Message | undefined, indexed: Message | undefined): void => {
    const kind = compared(stored, indexed);
    const { chatId, number } = (stored ?? indexed)!;
    // The list of differences must not contain the texts of messages.
    const position = { chatId, number };
    if (kind !== "equal" && settled && suspects.length < maxSuspects) suspects.push(position);
    else count(kind, position);
  };

  const [stored, indexed] = [storedMessages(source), indexedMessages(es.connection)];
  try {
    let [left, right] = await Promise.all([stored.next(), indexed.next()]);
    while (left.done !== true || right.done !== true) {
      const order = left.done === true ? 1 : right.done === true ? -1 : compare(left.value, right.value);
      meet(
        order <= 0 && left.done !== true ? left.value : undefined,
        order >= 0 && right.done !== true ? right.value : undefined,
      );
      if (order <= 0) left = await stored.next();
      if (order >= 0) right = await indexed.next();
    }
  } finally {
    await Promise.all([stored.return(undefined), indexed.return(undefined)]);
  }

  for (let at = 0; at < suspects.length; at += pageLength) {
    const page = suspects.slice(at, at + pageLength);
    const rows = new Map(living(await settled!(page)).map((row) => [keyOf(row), row]));
    const documents = await indexedOf(es.connection, page);
    for (const position of page) {
      const [row, found] = [rows.get(keyOf(position)), documents.get(keyOf(position))];
      // A message that was deleted in the meantime is neither in the database nor in the index.
      if (row ?? found) count(compared(row, found), position);
    }
  }
  return result;
}

/** Compares a message in the database and the index. At least one of them must contain it. */
function compared(stored: Message | undefined, indexed: Message | undefined): keyof VerifyResult {
  if (!indexed) return "missing";
  if (!stored) return "extra";
  return isSame(stored, indexed) ? "equal" : "different";
}

function isSame(a: Message, b: Message): boolean {
  const isSameContent = contentFields.every((field) => isDeepStrictEqual(a[field], b[field]));
  const isSameChat = a.applicationId === b.applicationId && a.chatNumber === b.chatNumber;
  return isSameContent && isSameChat && a.version === b.version;
}
