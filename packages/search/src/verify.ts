import { isDeepStrictEqual } from "node:util";
import { contentFields, contentOf, type MessageContent } from "@confab/contracts";
import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { ask } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { contentFrom, contentSource } from "./mapping.ts";
import type { ElasticsearchIndex } from "./elasticsearch.ts";
import type { DocumentSource } from "./rebuild.ts";

export interface MessagePosition {
  chatId: bigint;
  number: number;
}

export interface Differences {
  count: number;
  /** The first 20. */
  first: MessagePosition[];
}

export interface VerifyResult {
  /** The number of messages that are equal on both sides. */
  equal: number;
  missing: Differences;
  extra: Differences;
  /** Messages whose content, version, application or chat number differs between index and database. */
  different: Differences;
}

interface Message extends MessagePosition, MessageContent {
  applicationId: bigint;
  /** Undefined if an older version of Confab indexed the message. */
  chatNumber: number | undefined;
  version: number;
}

// A body can be 64 KiB, so an answer has at most 32 MiB.
const PAGE = 500;
const MAX_SHOWN = 20;
const KEEP_ALIVE = "2m";

const indexedMessage = z.object({
  chat_id: z.string().transform(BigInt),
  application_id: z.string().transform(BigInt),
  chat_number: z.int().optional(),
  number: z.int(),
  version: z.int(),
  ...contentSource,
});

async function* storedMessages(source: DocumentSource): AsyncGenerator<Message> {
  for await (const documents of source()) {
    for (const document of documents) {
      const { chatId, number, applicationId, chatNumber, version, body, deletedAt } = document;
      if (deletedAt !== null) continue;
      yield { chatId, number, applicationId, chatNumber, version, ...contentOf(document), body: body.toWellFormed() };
    }
  }
}

async function* indexedMessages({ client, readAlias, bulkTimeoutMs }: Connection): AsyncGenerator<Message> {
  const transport = { requestTimeout: bulkTimeoutMs };
  await ask(client.indices.refresh({ index: readAlias }, transport));
  let { id } = await ask(client.openPointInTime({ index: readAlias, keep_alive: KEEP_ALIVE }, transport));
  try {
    let after: estypes.SortResults | undefined;
    do {
      const answer = await ask(
        client.search(
          {
            pit: { id, keep_alive: KEEP_ALIVE },
            sort: [{ chat_id: "asc" }, { number: "asc" }],
            ...(after === undefined ? {} : { search_after: after }),
            size: PAGE,
            _source: ["chat_id", "application_id", "chat_number", "number", "version", ...Object.keys(contentSource)],
            track_total_hits: false,
            allow_partial_search_results: false,
          },
          transport,
        ),
      );
      id = answer.pit_id ?? id;
      after = undefined;
      for (const { _source, sort = [] } of answer.hits.hits) {
        const message = indexedMessage.parse(_source);
        const { chat_id: chatId, application_id: applicationId, chat_number: chatNumber, number, version } = message;
        yield { chatId, applicationId, chatNumber, number, version, ...contentOf(contentFrom(message)) };
        // The sort value of a chat id is a JSON number and may have lost its last digits.
        after = sort.with(0, chatId.toString());
      }
    } while (after !== undefined);
  } finally {
    await ask(client.closePointInTime({ id }, transport));
  }
}

function compare(a: MessagePosition, b: MessagePosition): number {
  if (a.chatId !== b.chatId) return a.chatId < b.chatId ? -1 : 1;
  return a.number - b.number;
}

function note(differences: Differences, { chatId, number }: MessagePosition): void {
  differences.count++;
  if (differences.first.length < MAX_SHOWN) differences.first.push({ chatId, number });
}

/**
 * Compares the index with the database message by message. Reads both in order, so memory use does not grow with their
 * size. Messages that are written in the meantime may count as differences.
 */
export async function verify(es: ElasticsearchIndex, source: DocumentSource): Promise<VerifyResult> {
  const empty = (): Differences => ({ count: 0, first: [] });
  const result: VerifyResult = { equal: 0, missing: empty(), extra: empty(), different: empty() };
  const stored = storedMessages(source);
  const indexed = indexedMessages(es.connection);
  try {
    let [left, right] = await Promise.all([stored.next(), indexed.next()]);
    while (left.done !== true || right.done !== true) {
      const order = left.done === true ? 1 : right.done === true ? -1 : compare(left.value, right.value);
      if (order < 0 && left.done !== true) note(result.missing, left.value);
      else if (order > 0 && right.done !== true) note(result.extra, right.value);
      else if (left.done !== true && right.done !== true) {
        const [a, b] = [left.value, right.value];
        if (isSame(a, b)) result.equal++;
        else note(result.different, a);
      }
      if (order <= 0) left = await stored.next();
      if (order >= 0) right = await indexed.next();
    }
  } finally {
    await Promise.all([stored.return(undefined), indexed.return(undefined)]);
  }
  return result;
}

function isSame(a: Message, b: Message): boolean {
  const isSameContent = contentFields.every((field) => isDeepStrictEqual(a[field], b[field]));
  const isSameChat = a.applicationId === b.applicationId && a.chatNumber === b.chatNumber;
  return isSameContent && isSameChat && a.version === b.version;
}
