import { join } from "node:path";
import type { ProcessIdentity } from "./process-identity.ts";
import { spawnLogged } from "./server.ts";

const script = join(import.meta.dirname, "../keep-logs.sh");

/** Starts the process that keeps the logs in the folders, and one level below, near `maxBytes`, twice that with what it has set aside. */
export function startLogKeeper(
  folders: readonly [string, ...string[]],
  { maxBytes = 16 * 1024 ** 2, seconds = 10 }: { readonly maxBytes?: number; readonly seconds?: number } = {},
): ProcessIdentity {
  return spawnLogged(
    "/bin/sh",
    [script, String(maxBytes), String(seconds), ...folders],
    join(folders[0], "log-keeper.log"),
  ).identity;
}
