import { maxBodyBytes } from "./message-body.ts";

/** The bodies on one page of messages or hits have at most this many bytes together. */
export const maxPageBytes = 1024 * 1024;
/** So many messages fit on a page whatever they hold. */
export const alwaysFit = Math.floor(maxPageBytes / maxBodyBytes);

/** How many bodies, given by their sizes in bytes, go on one page of at most `limit`; one at least where there is any. */
export function countFitting(sizes: readonly number[], limit: number): number {
  let [count, bytes] = [0, 0];
  for (const size of sizes.slice(0, limit)) {
    bytes += size;
    if (count > 0 && bytes > maxPageBytes) break;
    count += 1;
  }
  return count;
}
