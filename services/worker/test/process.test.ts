import { describeLostSessions, startService, uniquePrefix, useForAll } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";

describe("the worker process", () => {
  const database = useForAll(openDatabase);

  describeLostSessions(
    () => database.url,
    (url) => startService("worker", { DATABASE_URL: url, REDIS_KEY_PREFIX: uniquePrefix("worker") }),
  );
});
