import {
  configurationErrorsOf,
  describeLostSessions,
  describeShutdown,
  startService,
  useForAll,
} from "@confab/testkit";
import { expect } from "chai";
import { openWorld } from "./world.ts";

describe("the api process", () => {
  const world = useForAll(openWorld);

  describeShutdown(() => startService("api", { DATABASE_URL: world.url, REDIS_KEY_PREFIX: world.prefix }), {
    path: "/applications",
    body: () => ({ name: "Support" }),
    answer: { name: "Support", chats_count: 0 },
  });

  describeLostSessions(
    () => world.url,
    (url) => startService("api", { DATABASE_URL: url, REDIS_KEY_PREFIX: world.prefix }),
  );

  it("reports every configuration error without secrets, and exits with 78", () => {
    const env = { PORT: "x", DATABASE_URL: "postgres://secret@db", ADMIN_API_KEY: "hunter2-hunter2" };
    const { named, report } = configurationErrorsOf("api", env);
    expect(named).to.have.members(["PORT", "DATABASE_URL", "ADMIN_API_KEY", "REDIS_URL", "ELASTICSEARCH_URL"]);
    expect(report).to.not.include("secret@db").and.not.include("hunter2");
  });
});
