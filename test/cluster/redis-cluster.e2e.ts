import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { describeAcceptance } from "./acceptance.ts";
import { run } from "./command.ts";
import { startLoad } from "./load.ts";
import { verifyStored } from "./stored.ts";
import { openRelease, type Release } from "./release.ts";

const image = process.env.CONFAB_REDIS_IMAGE ?? "redis:7";

describe("Confab on a Redis Cluster of three masters", () => {
  let release: Release;

  before(async () => {
    release = await openRelease("confab-e2e-cluster", "redis-cluster-values.yaml");
    const manifest = await readFile(join(import.meta.dirname, "redis-cluster.yaml"), "utf8");
    await run("kubectl", ["--namespace", release.namespace, "apply", "--filename", "-"], {
      input: manifest.replace("image: IMAGE", `image: ${image}`),
    });
    await release.kubectl("rollout", "status", "statefulset/redis-cluster", "--timeout=180s");
    const addresses = await release.kubectl(
      "get",
      "pods",
      "--selector=app=redis-cluster",
      "--output=jsonpath={range .items[*]}{.status.podIP}:6379 {end}",
    );
    const create = ["redis-cli", "--cluster", "create", ...addresses.trim().split(" "), "--cluster-yes"];
    await release.kubectl("exec", "redis-cluster-0", "--", ...create);
    await release.upgrade();
  });
  after(async () => {
    await release.remove();
  });

  describeAcceptance(() => release);

  it("scales by the pending messages of all partitions", async () => {
    const { spec, status } = await release.json<{
      spec: { triggers: { metadata: { valueLocation: string } }[] };
      status: { conditions: { type: string; status: string }[]; health: Record<string, { status: string }> };
    }>("get", "scaledobject", "confab-worker");
    expect(spec.triggers.map(({ metadata }) => metadata.valueLocation)).to.deep.equal([
      "confab_messages_pending",
      "confab_pending_oldest_age_seconds",
    ]);
    expect(status.conditions.find(({ type }) => type === "Ready")?.status).to.equal("True");
    const readings = Object.values(status.health);
    expect(readings.map((reading) => reading.status)).to.deep.equal(["Happy", "Happy"]);
  });

  it("keeps every acknowledged message, and recovers by itself, when a master is deleted under load", async () => {
    const token = await release.createApplication("master");
    const chats = await release.createChats(token, 12);
    const load = startLoad({ token, chats, writers: 8, readers: 4, retry: true });
    await pause(3_000);
    await release.kubectl("delete", "pod", "redis-cluster-1", "--wait=true");
    await release.kubectl("rollout", "status", "statefulset/redis-cluster", "--timeout=180s");
    await pause(10_000);
    const { acknowledged } = await load.stop();
    expect(await verifyStored(release.client, token, acknowledged)).to.deep.equal({
      stored: acknowledged.length,
      extra: 0,
    });
  });
});
