import { randomBytes } from "node:crypto";
import type { estypes } from "@elastic/elasticsearch";
import { ask } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { SearchUnavailable } from "./errors.ts";
import { indexMapping, indexSettings } from "./mapping.ts";

/** The concrete indices behind an alias; none when there is no such alias. */
export async function resolveAlias({ client, bulkTimeoutMs }: Connection, alias: string): Promise<string[]> {
  const answer = await ask(client.indices.getAlias({ name: alias }, { ignore: [404], requestTimeout: bulkTimeoutMs }));
  return "error" in answer ? [] : Object.keys(answer).sort();
}

/**
 * The alias through which one concrete index is written to. Writes require an alias, so that a write on its way to an
 * index that has just been removed fails, instead of creating that index again with guessed fields.
 */
export function directAlias(index: string): string {
  return `${index}-direct`;
}

/** Makes an empty index, from now on written to; returns its name. With `serve` it is also the one that is searched. */
export async function createIndex(connection: Connection, { serve }: { serve: boolean }): Promise<string> {
  const { client, readAlias, writeAlias, bulkTimeoutMs, shards } = connection;
  const time = new Date().toISOString().replace(/\D/g, "");
  const index = `${readAlias}-${time}-${randomBytes(2).toString("hex")}`;
  const answer = await ask(
    client.indices.create(
      {
        index,
        settings: indexSettings(shards),
        mappings: indexMapping,
        aliases: {
          [writeAlias]: {},
          [directAlias(index)]: {},
          ...(serve ? { [readAlias]: SERVING } : {}),
        },
      },
      { requestTimeout: bulkTimeoutMs },
    ),
  );
  requireAcknowledged(answer, `creating ${index}`);
  return index;
}

/** Nobody writes through the read alias: an alias has one write index at most, so no two indices are ever searched at once. */
export const SERVING: estypes.IndicesAlias = { is_write_index: true };

/** Changes aliases and removes indices in one atomic step. */
export async function updateAliases(
  connection: Connection,
  actions: estypes.IndicesUpdateAliasesAction[],
): Promise<void> {
  const { client, bulkTimeoutMs } = connection;
  const answer = await ask(client.indices.updateAliases({ actions }, { requestTimeout: bulkTimeoutMs }));
  requireAcknowledged(answer, "changing the aliases");
}

/** An acknowledged change is known to every node: nobody resolves an alias to what it was before. */
function requireAcknowledged({ acknowledged }: { acknowledged: boolean }, change: string): void {
  if (!acknowledged) throw new SearchUnavailable(`Elasticsearch: ${change} was not acknowledged by every node`);
}

/** Adds the fields that an older version of Confab did not know to the indices that are written to; harmless when repeated. */
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
