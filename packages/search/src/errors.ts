/** The index is unavailable, overloaded or not prepared: retry later. */
export class SearchUnavailable extends Error {
  override readonly name = "SearchUnavailable";
}

/**
 * Returns true if Elasticsearch rejects the request itself and would reject it again. Elasticsearch also answers 400
 * for a closed index, but that can be opened again.
 */
export function isInvalidRequest(status: number | undefined, type: string | undefined): boolean {
  return (status === 400 || status === 413) && type !== "index_closed_exception";
}

/** The query is invalid. The message gives the reason to the client. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

/** The cursor was not returned by a search. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}
