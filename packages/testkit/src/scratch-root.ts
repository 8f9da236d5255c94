import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";

/**
 * Returns the folder for the data of stores: /dev/shm if it has 4 GiB free, because stores fsync constantly and a disk
 * may stall.
 */
export async function scratchRoot(): Promise<string> {
  const memory = "/dev/shm";
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free > 4 * 1024 ** 3 ? memory : tmpdir();
}
