import { decodeContent, encodeOtherFields, type MessageContent } from "@confab/contracts";
import type { estypes } from "@elastic/elasticsearch";
import { z } from "zod";
import { fold } from "./fold.ts";
import { sentBytes } from "./page.ts";
import type { SearchDocument } from "./search-index.ts";
import { markWords } from "./words.ts";

// Each field contains all grams of one length from the marked text and nothing else. Positions count characters (code
// points), so a phrase query with a text's grams matches exactly the documents that contain the text as a substring.
// Texts of one and two characters are single grams and need no positions.
const gramLengths = [1, 2, 3] as const;
export const longestGram = 3;

function perGram<T>(make: (length: number) => T): Record<string, T> {
  return Object.fromEntries(gramLengths.map((length) => [`g${length}`, make(length)]));
}

/** Settings of a new index. */
export const indexSettings: estypes.IndicesIndexSettings = {
  auto_expand_replicas: "0-1",
  // A late write must not restore a deleted message, so the version of a deletion is remembered for longer than any
  // bulk request can take.
  gc_deletes: "15m",
  analysis: {
    tokenizer: perGram((length) => ({ type: "ngram" as const, min_gram: length, max_gram: length })),
    analyzer: perGram((length) => ({ type: "custom" as const, tokenizer: `g${length}` })),
  },
};

/** Fields of a document. Ids are sent as strings, because JSON numbers are exact only up to 2⁵³. */
export const indexMapping: estypes.MappingTypeMapping = {
  dynamic: "strict",
  _routing: { required: true },
  _source: { excludes: ["folded"] },
  properties: {
    chat_id: { type: "long" },
    application_id: { type: "long" },
    chat_number: { type: "long" },
    number: { type: "long" },
    uid: { type: "keyword", index: false, doc_values: false },
    version: { type: "long", index: false, doc_values: false },
    change_number: { type: "long" },
    // Searches filter and sort by this field.
    created_at: { type: "date" },
    updated_at: { type: "date", index: false, doc_values: false },
    body: { type: "text", index: false },
    // The other fields of the content share one text field, so a new field needs no mapping.
    other_fields: { type: "text", index: false },
    sender: { type: "keyword", doc_values: false },
    bytes: { type: "integer", index: false },
    folded: {
      type: "text",
      index: false,
      fields: perGram((length) => ({
        type: "text" as const,
        analyzer: `g${length}`,
        norms: false,
        index_options: length < longestGram ? ("docs" as const) : ("positions" as const),
      })),
    },
  },
};

/** Fields of a document that contain the message's content. */
export const contentSource = { body: z.string(), other_fields: z.string().optional() };

/** Fields of a document that identify the message and its latest change. */
export const stateSource = z.object({ uid: z.string(), version: z.int(), change_number: z.int().optional() });
export const stateFields = Object.keys(stateSource.shape);

/** Returns the uid of a message in the form used in the index. */
export function uidText(uid: Uint8Array): string {
  return Buffer.from(uid).toString("base64url");
}

/** Returns the document of a message. `folded` is only analysed, not stored. */
export function toSource(document: SearchDocument): Record<string, unknown> {
  const { body, sender } = document;
  const otherFields = encodeOtherFields(document);
  return {
    chat_id: document.chatId.toString(),
    application_id: document.applicationId.toString(),
    chat_number: document.chatNumber,
    number: document.number,
    uid: uidText(document.uid),
    version: document.version,
    ...(document.changeNumber !== null && { change_number: document.changeNumber }),
    created_at: document.createdAt.toISOString(),
    updated_at: document.updatedAt.toISOString(),
    body: body.toWellFormed(),
    ...(otherFields !== "" && { other_fields: otherFields }),
    ...(sender && { sender }),
    bytes: sentBytes(document),
    folded: markWords(fold(body)),
  };
}

/**
 * Returns the content of a document without fields that only newer versions know. The source must include the fields of
 * `contentSource`.
 */
export function contentFrom({ body, other_fields }: z.infer<z.ZodObject<typeof contentSource>>): MessageContent {
  return decodeContent(body, other_fields).content;
}
