import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";

/**
 * Returns the folder for the data of stores. It is /dev/shm if 4 GiB are free there, because stores call fsync
 * constantly and a disk may stall.
 */
export async function scratchRoot(): Promise<string> {
  const memory = "/dev/shm";
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free > 4 * 1024 ** 3 ? memory : tmpdir();
}
