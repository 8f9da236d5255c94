/** The test files that measure time, memory or processors: beside other work, their limits would say nothing. */
export const alone: ReadonlySet<string> = new Set([
  "services/api/test/costs.test.ts",
  "services/ingest/test/costs.test.ts",
]);
