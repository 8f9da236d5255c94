import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { startLoad, failuresOf, describeLoad } from "./load.ts";
import { verifyStored } from "./stored.ts";
import { openRelease, restartsOf, rolledOut, services, type Release } from "./release.ts";
import { report } from "./report.ts";

interface Pod {
  metadata: { name: string; labels: Record<string, string>; deletionTimestamp?: string };
  status: {
    conditions?: { type: string; status: string }[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
}
interface ContainerStatus {
  name: string;
  restartCount: number;
  ready: boolean;
  state: { waiting?: { reason: string; message?: string }; running?: object };
}

/** Breaks an installation in several ways, and checks how each fault becomes visible. */
describe("Confab in trouble", () => {
  let release: Release;
  before(async () => {
    release = await openRelease("confab-e2e-trouble");
  });
  after(async () => {
    await release.remove();
  });

  const values = { "redis.auth.existingSecret": "own-redis", "ingress.rateLimit.enabled": "false" };
  const sql = (statement: string) =>
    release.kubectl(
      "exec",
      "statefulset/confab-mysql",
      "--",
      "sh",
      "-c",
      `MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql --user=root --execute '${statement}' confab`,
    );
  const podsOf = async (component: string): Promise<Pod[]> =>
    (
      await release.json<{ items: Pod[] }>("get", "pods", "--selector", `app.kubernetes.io/component=${component}`)
    ).items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const isReady = ({ status }: Pod) =>
    status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
  const readyPods = async (components: readonly string[]) =>
    (await Promise.all(components.map(podsOf)))
      .flat()
      .filter(isReady)
      .map(({ metadata }) => metadata.name);
  async function until(what: string, holds: () => Promise<boolean>, seconds = 120): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await holds())) {
      expect(performance.now(), what).to.be.below(deadline);
      await pause(1_000);
    }
  }

  it("waits for a missing Secret, names it, and starts when it is created", async () => {
    await release.apply(values);
    const waiting = async () =>
      (await podsOf("ingest"))
        .flatMap(({ status }) => [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
        .flatMap(({ state }) => state.waiting ?? []);
    await until("a pod that reports the missing Secret", async () =>
      (await waiting()).some(({ message = "" }) => message.includes('secret "own-redis" not found')),
    );
    expect(await readyPods(services)).to.deep.equal([]);
    await release.kubectl("create", "secret", "generic", "own-redis", "--from-literal=password=created-later");
    for (const component of services)
      await release.kubectl("rollout", "status", `deployment/confab-${component}`, "--timeout=300s");
    expect(await restartsOf(release, services), "restarts").to.equal(0);
    report(`the services waited for the missing Secret; restarts: 0`);
  });

  it("waits for a Redis that starts late: it is not ready, logs what it waits for, and restarts nothing", async () => {
    await release.kubectl("scale", "statefulset/confab-redis", "--replicas=0");
    await release.kubectl("wait", "pod/confab-redis-0", "--for=delete", "--timeout=120s");
    // The pods are deleted, so that new pods have never connected to Redis. A rollout would not remove the old ones.
    for (const component of ["ingest", "worker"])
      await release.kubectl("delete", "pods", "--selector", `app.kubernetes.io/component=${component}`, "--wait=true");
    await pause(30_000);
    for (const component of ["ingest", "worker"]) {
      const pods = await podsOf(component);
      expect(pods.filter(isReady), `${component} before Redis is available`).to.deep.equal([]);
      expect(await restartsOf(release, [component]), `restarts of ${component}`).to.equal(0);
      const output = await release.kubectl("logs", pods[0]!.metadata.name);
      expect(output).to.include("waiting for Redis").and.include("Check REDIS_URL and that the server is running.");
    }
    await release.kubectl("scale", "statefulset/confab-redis", "--replicas=1");
    const began = performance.now();
    for (const component of ["ingest", "worker"])
      await release.kubectl("rollout", "status", `deployment/confab-${component}`, "--timeout=300s");
    report(
      `ingest and worker ready ${((performance.now() - began) / 1000).toFixed(1)} s after the start of Redis; restarts: ${await restartsOf(release, services)}`,
    );
    expect(await restartsOf(release, services), "restarts").to.equal(0);
  });

  it("continues to serve with the old pods when a migration fails, lets no new pod serve before the schema exists, and logs the reason", async () => {
    const token = await release.createApplication("migration");
    const chats = await release.createChats(token, 5);
    // The worker is not in this list, because it gets no requests. It is not ready without the schema, but continues to
    // work.
    const serving = ["ingest", "api"];
    const before = await readyPods(serving);
    const [worker] = await podsOf("worker");
    const load = startLoad({ token, chats, writers: 4, readers: 2 });
    // This is the state after an interrupted migration: the Job refuses to continue, and new pods find an incomplete
    // schema.
    await sql("UPDATE _prisma_migrations SET finished_at = NULL");
    await release.apply({
      ...values,
      ...Object.fromEntries(services.map((name) => [`${name}.podAnnotations.revision`, "next"])),
    });
    const revision = (JSON.parse(await release.helm("history", "confab", "--output", "json")) as unknown[]).length;
    await until("the migration's reason", async () => {
      const output = await release.kubectl("logs", `job/confab-migrate-${revision}`, "--tail=50").catch(() => "");
      return output.includes("was started but did not finish");
    });
    await until("new pods that log what they wait for", async () => {
      const pods = (await podsOf("api")).filter((pod) => !isReady(pod));
      const output = await Promise.all(
        pods.map(({ metadata }) =>
          release.kubectl("logs", metadata.name, "--container=wait-for-schema").catch(() => ""),
        ),
      );
      return output.length > 0 && output.every((text) => text.includes("is not applied. Run confabctl migrate"));
    });
    await pause(15_000);
    expect((await readyPods(serving)).sort(), "only the old pods").to.deep.equal(before.sort());
    expect((await podsOf("worker")).map(({ metadata }) => metadata.name)).to.include(worker?.metadata.name);
    expect(await restartsOf(release, services), "restarts of services").to.equal(0);
    // An operator who has verified that the tables are complete marks the migration as finished.
    await sql("UPDATE _prisma_migrations SET finished_at = CURRENT_TIMESTAMP(3)");
    for (const component of services) await rolledOut(release, component);
    expect(await restartsOf(release, services), "restarts of services").to.equal(0);
    const ended = await load.stop();
    report(describeLoad(ended));
    expect(failuresOf(ended)).to.deep.equal({});
    expect(await verifyStored(release.client, token, ended.acknowledged)).to.deep.equal({
      stored: ended.acknowledged.length,
      extra: 0,
    });
  });
});
