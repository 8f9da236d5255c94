/**
 * Where the page before the one that begins at `first` begins, found by counting back since numbers are dense; a shorter
 * page at the beginning, so that none is shown twice. Undefined where there is none.
 */
export function pageBefore(first: number, limit: number): { after: number; limit?: number } | undefined {
  if (first <= 1) return undefined;
  return first > limit ? { after: first - 1 - limit } : { after: 0, limit: first - 1 };
}
