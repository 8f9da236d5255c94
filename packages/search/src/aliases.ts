import { randomBytes } from "node:crypto";
import type { estypes } from "@elastic/elasticsearch";
import { ask, type Connection } from "./connection.ts";
import { SearchUnavailable } from "./errors.ts";
import { indexMapping, indexSettings } from "./mapping.ts";

/** Returns the concrete indices behind an alias, or none if the alias does not exist. */
export async function resolveAlias({ client, bulkTimeoutMs }: Connection, alias: string): Promise<string[]> {
  const answer = await ask(client.indices.getAlias({ name: alias }, { ignore: [404], requestTimeout: bulkTimeoutMs }));
  return "error" in answer ? [] : Object.keys(answer).sort();
}

/**
 * Returns the alias for writes to one concrete index. Writes require an alias, so that a late write to a removed index
 * fails instead of recreating the index with guessed fields.
 */
export function directAlias(index: string): string {
  return `${index}-direct`;
}

/**
 * Creates an empty index that receives all writes from then on, and returns its name. With `serve`, searches use it
 * too.
 */
export async function createIndex(connection: Connection, { serve }: { serve: boolean }): Promise<string> {
  const { client, readAlias, writeAlias, shards, bulkTimeoutMs } = connection;
  const time = new Date().toISOString().replace(/\D/g, "");
  const index = `${readAlias}-${time}-${randomBytes(2).toString("hex")}`;
  const answer = await ask(
    client.indices.create(
      {
        index,
        settings: { ...indexSettings, number_of_shards: shards },
        mappings: indexMapping,
        aliases: {
          [writeAlias]: {},
          [directAlias(index)]: {},
          ...(serve ? { [readAlias]: servingAlias } : {}),
        },
      },
      { requestTimeout: bulkTimeoutMs },
    ),
  );
  requireAcknowledged(answer, `creating ${index}`);
  return index;
}

/**
 * Marks the index as the write index of the read alias. An alias has at most one write index, so two indices are never
 * searched at once. Nothing is written through this alias.
 */
export const servingAlias: estypes.IndicesAlias = { is_write_index: true };

/** Changes aliases and removes indices in one atomic step. */
export async function updateAliases(
  connection: Connection,
  actions: estypes.IndicesUpdateAliasesAction[],
): Promise<void> {
  const { client, bulkTimeoutMs } = connection;
  const answer = await ask(client.indices.updateAliases({ actions }, { requestTimeout: bulkTimeoutMs }));
  requireAcknowledged(answer, "changing the aliases");
}

/**
 * Throws `SearchUnavailable` unless every node has acknowledged the change. A node that does not know it would resolve
 * an alias to its old indices.
 */
function requireAcknowledged({ acknowledged }: { acknowledged: boolean }, change: string): void {
  if (!acknowledged) throw new SearchUnavailable(`Elasticsearch: ${change} was not acknowledged by every node`);
}

/** Adds fields that are missing because an older version of Confab created the index. May be repeated. */
export async function addMissingFields({ client, writeAlias, bulkTimeoutMs }: Connection): Promise<void> {
  const transport = { requestTimeout: bulkTimeoutMs };
  const indices = await ask(client.indices.getMapping({ index: writeAlias }, transport));
  for (const [index, { mappings }] of Object.entries(indices)) {
    const missing = Object.entries(indexMapping.properties ?? {}).filter(([field]) => !mappings.properties?.[field]);
    if (missing.length === 0) continue;
    const answer = await ask(client.indices.putMapping({ index, properties: Object.fromEntries(missing) }, transport));
    requireAcknowledged(answer, `adding fields to ${index}`);
  }
}
