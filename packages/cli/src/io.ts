import type { Environment } from "@confab/config";
import type { Readable, Writable } from "node:stream";

/** Environment variables and streams of a command, which tests replace. */
export interface Io {
  readonly env: Environment;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}
