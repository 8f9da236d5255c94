/**
 * The test files that measure time, memory or processors. Their measurements would mean nothing if other tests ran at
 * the same time.
 */
export const alone: ReadonlySet<string> = new Set([
  "bench/src/load/constant-depth.test.ts",
  "bench/src/load/open-loop.test.ts",
  "packages/access/src/access-watches.test.ts",
  "packages/database/src/group-commit.test.ts",
  "packages/database/test/locked-chats.test.ts",
  "packages/database/test/message-changes.test.ts",
  "packages/database/test/horizons-scale.test.ts",
  "packages/http/test/lists.test.ts",
  "packages/http/test/slow-readers.test.ts",
  "packages/http/test/unread-streams.test.ts",
  "packages/async/src/event-loop.test.ts",
  "packages/search/src/hostile.test.ts",
  "services/api/src/stream/room.test.ts",
  "services/api/test/costs.test.ts",
  "services/api/test/fan-out.test.ts",
  "services/api/test/hostile.test.ts",
  "services/api/test/neighbours.test.ts",
  "services/api/test/poll-burst.test.ts",
  "services/api/test/search-neighbours.test.ts",
  "services/ingest/test/costs.test.ts",
  "services/ingest/test/hostile.test.ts",
]);
