import type { ElasticsearchOptions } from "./connection.ts";
import { createElasticsearchIndex } from "./elasticsearch.ts";
import { createMysqlIndex } from "./mysql.ts";
import type { SearchIndex } from "./search-index.ts";
import type { StoredMessages } from "./walk-chats.ts";

/** The backend and the settings that it needs. */
export interface SearchOptions extends Pick<
  ElasticsearchOptions,
  "username" | "password" | "apiKey" | "shards" | "bulkTimeoutMs"
> {
  readonly backend: "elasticsearch" | "mysql";
  /** The addresses of Elasticsearch. */
  readonly url?: string | undefined;
  /** The name of the index. */
  readonly name: string;
  /** For the MySQL backend. */
  readonly messages: StoredMessages;
}

/** Returns the name of a backend, to check that two processes use the same one. */
export function searchBackendOf({ backend, name }: Pick<SearchOptions, "backend" | "name">): string {
  return backend === "mysql" ? "mysql" : `elasticsearch/${name}`;
}

/** Creates the configured index. Throws a `TypeError` if the address of Elasticsearch is missing. */
export function createSearchIndex({ backend, url, messages, ...options }: SearchOptions): SearchIndex {
  if (backend === "mysql") return createMysqlIndex({ messages });
  if (url === undefined) throw new TypeError("The address of Elasticsearch is missing. Set ELASTICSEARCH_URL.");
  return createElasticsearchIndex({ url, ...options });
}
