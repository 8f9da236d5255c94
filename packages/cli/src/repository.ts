import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** Returns the root of the checkout, or undefined if confabctl was installed without a checkout. */
export function repositoryRoot(): string | undefined {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "services/ingest"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
