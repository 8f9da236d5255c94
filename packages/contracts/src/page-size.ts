import { maxContentBytes } from "./message-content.ts";

/** Maximum total size in bytes of the contents on a page of messages or hits. */
export const maxPageBytes = 1024 * 1024;
/** Number of messages that always fit on a page, whatever their size. */
export const alwaysFit = Math.floor(maxPageBytes / maxContentBytes);

/**
 * Returns how many contents with these sizes in bytes fit on a page of at most `limit` contents. One content always
 * fits.
 */
export function countFitting(sizes: readonly number[], limit: number): number {
  let [count, bytes] = [0, 0];
  for (const size of sizes.slice(0, limit)) {
    bytes += size;
    if (count > 0 && bytes > maxPageBytes) break;
    count += 1;
  }
  return count;
}
