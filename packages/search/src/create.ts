import type { ElasticsearchOptions } from "./connection.ts";
import { createElasticsearchIndex } from "./elasticsearch.ts";
import { createMysqlIndex, type ScanChat } from "./mysql.ts";
import type { SearchIndex } from "./search-index.ts";

/** Which index there is, and what each kind needs. */
export interface SearchOptions extends Pick<
  ElasticsearchOptions,
  "username" | "password" | "apiKey" | "bulkTimeoutMs"
> {
  backend: "elasticsearch" | "mysql";
  /** Elasticsearch's addresses. */
  url?: string | undefined;
  /** The index's name. */
  name: string;
  /** Reads a chat for the MySQL backend. */
  scan: ScanChat;
}

/** Names a backend, to tell whether two processes use the same. */
export function searchBackendOf({ backend, name }: Pick<SearchOptions, "backend" | "name">): string {
  return backend === "mysql" ? "mysql" : `elasticsearch/${name}`;
}

/** The index that is configured; throws a `TypeError` where Elasticsearch's address is missing. */
export function createSearchIndex({ backend, url, scan, ...options }: SearchOptions): SearchIndex {
  if (backend === "mysql") return createMysqlIndex({ scan });
  if (url === undefined) throw new TypeError("Elasticsearch needs its address");
  return createElasticsearchIndex({ url, ...options });
}
