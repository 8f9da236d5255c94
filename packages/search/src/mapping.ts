import { contentOf, type MessageContent } from "@confab/contracts";
import type { estypes } from "@elastic/elasticsearch";
import { fold } from "./fold.ts";
import { sentBytes } from "./page.ts";
import type { SearchDocument } from "./search-index.ts";

// All grams of one length and nothing else: positions count characters (code points), so a phrase of a term's grams is
// exactly the term as a substring. One and two characters are single grams and need no positions at all.
const GRAM_LENGTHS = [1, 2, 3] as const;
const LONGEST_GRAM = 3;

function perGram<T>(make: (length: number) => T): Record<string, T> {
  return Object.fromEntries(GRAM_LENGTHS.map((length) => [`g${length}`, make(length)]));
}

/** Settings of an index of `shards` shards. */
export function indexSettings(shards: number): estypes.IndicesIndexSettings {
  return {
    number_of_shards: shards,
    auto_expand_replicas: "0-1",
    // A deleted message must not come back by a write that was on its way when it was deleted: its version is remembered
    // for longer than any bulk can take.
    gc_deletes: "15m",
    analysis: {
      tokenizer: perGram((length) => ({ type: "ngram" as const, min_gram: length, max_gram: length })),
      analyzer: perGram((length) => ({ type: "custom" as const, tokenizer: `g${length}` })),
    },
  };
}

/** The fields of a message's content: returned as they are, and searched as `searchedText` says. */
const contentMapping: Record<keyof MessageContent, estypes.MappingProperty> = {
  body: { type: "text", index: false },
};

/** The text in which a search looks for its terms. */
function searchedText({ body }: MessageContent): string {
  return body;
}

/** The fields; ids are sent as strings, because JSON numbers end at 2⁵³. */
export const indexMapping: estypes.MappingTypeMapping = {
  dynamic: "strict",
  _routing: { required: true },
  _source: { excludes: ["folded"] },
  properties: {
    chat_id: { type: "long" },
    application_id: { type: "long" },
    number: { type: "long" },
    uid: { type: "keyword", index: false, doc_values: false },
    version: { type: "long", index: false, doc_values: false },
    created_at: { type: "date", index: false, doc_values: false },
    updated_at: { type: "date", index: false, doc_values: false },
    ...contentMapping,
    bytes: { type: "integer", index: false },
    folded: {
      type: "text",
      index: false,
      fields: perGram((length) => ({
        type: "text" as const,
        analyzer: `g${length}`,
        norms: false,
        index_options: length < LONGEST_GRAM ? ("docs" as const) : ("positions" as const),
      })),
    },
  },
};

/** A message's uid as the index holds it. */
export function uidText(uid: Uint8Array): string {
  return Buffer.from(uid).toString("base64url");
}

/** What is stored for a message; `folded` is analysed only. */
export function toSource(document: SearchDocument): Record<string, unknown> {
  const content = contentOf(document);
  return {
    chat_id: document.chatId.toString(),
    application_id: document.applicationId.toString(),
    number: document.number,
    uid: uidText(document.uid),
    version: document.version,
    created_at: document.createdAt.toISOString(),
    updated_at: document.updatedAt.toISOString(),
    ...content,
    body: content.body.toWellFormed(),
    bytes: sentBytes(content.body),
    folded: fold(searchedText(content)),
  };
}

/** The query that finds the texts which contain a folded term. */
export function termQuery(term: string): estypes.QueryDslQueryContainer {
  const length = Array.from(term).length;
  const field = `folded.g${Math.min(length, LONGEST_GRAM)}`;
  return length <= LONGEST_GRAM ? { term: { [field]: term } } : { match_phrase: { [field]: term } };
}
