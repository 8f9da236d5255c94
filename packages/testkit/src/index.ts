export { freePort, startElasticsearch, startMysql, startRedis } from "@confab/local";
export type { ServerHandle } from "@confab/local";
export { createTestDatabase, hasElasticsearch, testStores, uniquePrefix } from "./stores.ts";
export type { TestStores } from "./stores.ts";
export { eventually } from "./eventually.ts";
export { startProxy } from "./proxy.ts";
export type { Proxy } from "./proxy.ts";
export { startService } from "./service.ts";
export type { ServiceHandle } from "./service.ts";
