import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { repositoryRoot } from "./repository.ts";

const stateSchema = z.object({
  processes: z.array(z.object({ name: z.string(), url: z.string() })),
  composeUrls: z.record(z.string(), z.string()).optional(),
});

/** Addresses of everything that `make up` runs for this checkout. */
export interface LocalStack {
  readonly url: string | undefined;
  readonly redisUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly elasticsearchUrl: string | undefined;
}

/** Returns the addresses that the local run has recorded, or undefined if there was no local run. */
export function readLocalStack(root = repositoryRoot()): LocalStack | undefined {
  if (root === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(join(root, ".confab/state.json"), "utf8");
  } catch {
    return undefined;
  }
  const { processes, composeUrls } = stateSchema.parse(JSON.parse(text));
  const urlOf = (name: string): string | undefined =>
    processes.find((process) => process.name === name)?.url ?? composeUrls?.[name];
  return {
    url: urlOf("nginx"),
    redisUrl: urlOf("redis"),
    databaseUrl: urlOf("mysql"),
    elasticsearchUrl: urlOf("elasticsearch"),
  };
}
