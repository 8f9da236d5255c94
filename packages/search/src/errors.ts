/** The index cannot be reached, is overloaded or is not prepared: try again later. */
export class SearchUnavailable extends Error {
  override readonly name = "SearchUnavailable";
}

/** The query cannot be searched for; the message says why, in words for the one who asked. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

/** The cursor was not given out by a search. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}
