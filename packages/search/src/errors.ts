/** The index cannot be reached, is overloaded or is not prepared: try again later. */
export class SearchUnavailable extends Error {
  override readonly name = "SearchUnavailable";
}

/**
 * Whether Elasticsearch refuses what it was asked because of that itself, and would again. It answers 400 for an index that is
 * closed too, which somebody will open again.
 */
export function isAskerWrong(status: number | undefined, type: string | undefined): boolean {
  return (status === 400 || status === 413) && type !== "index_closed_exception";
}

/** The query cannot be searched for; the message says why, in words for the one who asked. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

/** The cursor was not given out by a search. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}
