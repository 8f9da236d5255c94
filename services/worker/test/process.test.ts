import { describeLostSessions, startService, uniquePrefix } from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";

describe("the worker process", () => {
  let database: Awaited<ReturnType<typeof openDatabase>>;
  before(async () => {
    database = await openDatabase();
  });
  after(() => database.close());

  describeLostSessions(
    () => database.url,
    (url) => startService("worker", { DATABASE_URL: url, REDIS_KEY_PREFIX: uniquePrefix("worker") }),
  );
});
