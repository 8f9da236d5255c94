import type { estypes } from "@elastic/elasticsearch";
import { longestGram } from "./mapping.ts";
import type { ApplicationFilters, SearchFilters } from "./search-index.ts";
import { comparedPart, insideWords } from "./words.ts";

type Query = estypes.QueryDslQueryContainer;

/** Returns the filters of a search in a chat. The terms must be folded. */
export function chatFilter(chatId: bigint, filters: SearchFilters, terms: readonly string[]): Query[] {
  return [{ term: { chat_id: chatId.toString() } }, ...messageFilter(filters, terms)];
}

/** Returns the filters of a search across an application. The terms must be folded. */
export function applicationFilter(request: ApplicationFilters, terms: readonly string[]): Query[] {
  const { applicationId, chats } = request;
  return [
    { term: { application_id: applicationId.toString() } },
    // A worker of an older version may have written documents without a chat number. They have no place in the order.
    { exists: { field: "chat_number" } },
    ...(chats ? [{ terms: { chat_id: chats.map(({ id }) => id.toString()) } }] : []),
    ...messageFilter(request, terms),
  ];
}

/**
 * Returns one clause per condition of a ranking. Each adds 1 to the score of a message that meets it, so that the score
 * is the rank.
 */
export function rankingClauses(ranking: readonly string[][]): Query[] {
  return ranking.map((texts) => ({ constant_score: { filter: { bool: { filter: texts.map(textQuery) } } } }));
}

function messageFilter({ sender, from, to }: SearchFilters, terms: readonly string[]): Query[] {
  const times = {
    ...(from !== undefined && { gte: from.getTime() }),
    ...(to !== undefined && { lt: to.getTime() }),
    format: "epoch_millis",
  };
  return [
    ...(sender === undefined ? [] : [{ term: { sender } }]),
    ...(from === undefined && to === undefined ? [] : [{ range: { created_at: times } }]),
    ...terms.map((term) => textQuery(comparedPart(insideWords(term)))),
  ];
}

/** Returns the query for messages whose marked text contains the given text. */
function textQuery(text: string): Query {
  const length = Array.from(text).length;
  const field = `folded.g${Math.min(length, longestGram)}`;
  return length <= longestGram ? { term: { [field]: text } } : { match_phrase: { [field]: text } };
}
