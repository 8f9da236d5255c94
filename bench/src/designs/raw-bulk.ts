import { exit } from "node:process";
import { createElasticsearchIndex, toSource } from "@confab/search";
import { bodiesOf, type Target } from "../load/messages.ts";

// This file runs as a separate process. It only indexes documents: 1,000 per bulk request, one request after the other.

/** The first command from the parent. On any later command, the process reports the number of documents and exits. */
export interface RawBulk extends Pick<Target, "chats"> {
  readonly url: string;
  /** Alias of the index, which must exist. */
  readonly index: string;
}

const documentsPerBulk = 1_000;

let isEnding = false;

async function index({ url, index, chats }: RawBulk): Promise<number> {
  // This client has the same settings as the worker's client.
  const search = createElasticsearchIndex({ url, name: index });
  const { client, writeAlias } = search.connection;
  // The documents are computed only once, because computing them is not part of Elasticsearch's work.
  const sources = Array.from({ length: chats }, (_, chat) =>
    bodiesOf(chat + 1).map((body) => sourceOf(chat + 1, body)),
  );
  let documents = 0;
  while (!isEnding) {
    const time = new Date().toISOString();
    const operations = Array.from({ length: documentsPerBulk }, (_, offset) => {
      const [chat, number] = [(documents + offset) % chats, 1 + Math.floor((documents + offset) / chats)];
      const source = { ...sources[chat]![number % 10]!, number, created_at: time, updated_at: time };
      return [{ index: { _id: `${chat + 1}-${number}`, routing: `${chat + 1}` } }, source];
    });
    const { errors } = await client.bulk({ index: writeAlias, operations: operations.flat(), filter_path: ["errors"] });
    if (errors) throw new Error("Elasticsearch refused a document");
    documents += documentsPerBulk;
  }
  await search.close();
  return documents;
}

function sourceOf(chat: number, body: string): Record<string, unknown> {
  const time = new Date();
  const ids = { applicationId: 1n, chatId: BigInt(chat), chatNumber: chat, number: 1, uid: new Uint8Array(16) };
  return toSource({ ...ids, version: 1, changeNumber: null, body, createdAt: time, updatedAt: time, deletedAt: null });
}

process.on("message", (command: RawBulk | "end") => {
  if (command === "end") isEnding = true;
  else {
    index(command).then(
      (documents) => process.send!(documents),
      (error: unknown) => {
        console.error(`raw _bulk: ${error instanceof Error ? error.message : String(error)}`);
        exit(1);
      },
    );
  }
});
