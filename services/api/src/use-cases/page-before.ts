/**
 * Where the page before the one at `first` begins. Numbers have no gaps, so it counts back. The first page may be
 * shorter, so that no chat is shown twice. Undefined if there is no previous page.
 */
export function pageBefore(first: number, limit: number): { after: number; limit?: number } | undefined {
  if (first <= 1) return undefined;
  return first > limit ? { after: first - 1 - limit } : { after: 0, limit: first - 1 };
}
