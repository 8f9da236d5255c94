import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@confab/testkit";
import { expect } from "chai";
import { openWorld, startIngest, type LogLine, type World } from "./start.ts";

describe("ingest on a Redis that keeps less than a 201 promises", () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());

  /** What the service warns of on a Redis with these options. */
  async function warnings(args: string[], env: Record<string, string> = {}): Promise<LogLine[]> {
    const dir = await mkdtemp(join(tmpdir(), "confab-ingest-"));
    const redis = await startRedis({ dir, args });
    try {
      const ingest = await startIngest(world, { REDIS_URL: redis.url, ...env });
      await ingest.stop();
      return ingest.lines.filter(({ level }) => level === "warn");
    } finally {
      await redis.kill();
      await rm(dir, { recursive: true, force: true });
    }
  }

  it("says so, unless that is what is expected", async () => {
    const [warning, ...others] = await warnings(["--appendfsync", "everysec"]);
    expect(others).to.be.empty;
    expect(warning).to.include({ expected: "always", actual: "everysec" });
    expect(warning?.message).to.include("may lose acknowledged messages");
    expect(await warnings(["--appendfsync", "everysec"], { REDIS_DURABILITY: "everysec" })).to.be.empty;
    expect((await warnings(["--appendonly", "no"]))[0]).to.include({ expected: "always", actual: "no" });
    expect(await warnings([])).to.be.empty;
  });
});
