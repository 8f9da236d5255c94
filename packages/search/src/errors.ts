/** Thrown when the index is unavailable, overloaded or not prepared. Retry later. */
export class SearchUnavailable extends Error {
  override readonly name = "SearchUnavailable";
}

/**
 * Returns true if Elasticsearch rejects the request itself and would reject it again. Elasticsearch also answers 400
 * for a closed index, but a closed index can be opened again.
 */
export function isInvalidRequest(status: number | undefined, type: string | undefined): boolean {
  return (status === 400 || status === 413) && type !== "index_closed_exception";
}

/** Thrown for an invalid query. Clients see the message, which gives the reason. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

/** Thrown for a cursor that no search returned. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}
