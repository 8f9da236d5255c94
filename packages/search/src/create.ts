import type { ElasticsearchOptions } from "./connection.ts";
import { createElasticsearchIndex } from "./elasticsearch.ts";
import { createMysqlIndex } from "./mysql.ts";
import type { SearchIndex } from "./search-index.ts";
import type { StoredMessages } from "./walk-chats.ts";

/** The search backend and the settings that it needs. */
export interface SearchOptions extends Pick<
  ElasticsearchOptions,
  "username" | "password" | "apiKey" | "shards" | "bulkTimeoutMs"
> {
  readonly backend: "elasticsearch" | "mysql";
  /** One or more addresses of Elasticsearch, separated by commas. */
  readonly url?: string | undefined;
  /** Name of the read alias and prefix of all other names. */
  readonly name: string;
  /** Stored messages, which the MySQL backend reads. */
  readonly messages: StoredMessages;
}

/** Returns a name for the backend. Processes that use the same backend get the same name. */
export function searchBackendOf({ backend, name }: Pick<SearchOptions, "backend" | "name">): string {
  return backend === "mysql" ? "mysql" : `elasticsearch/${name}`;
}

/** Creates the configured index. Throws a `TypeError` if the address of Elasticsearch is missing. */
export function createSearchIndex({ backend, url, messages, ...options }: SearchOptions): SearchIndex {
  if (backend === "mysql") return createMysqlIndex({ messages });
  if (url === undefined) throw new TypeError("The address of Elasticsearch is missing. Set ELASTICSEARCH_URL.");
  return createElasticsearchIndex({ url, ...options });
}
