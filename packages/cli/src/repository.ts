import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder that holds the services and a local run's state; undefined where only this package is installed. */
export function repositoryRoot(): string | undefined {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "services/ingest"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
