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

/** Faults of an installation, and how they show. */
describe("Confab in trouble", () => {
  let release: Release;
  before(async () => {
    release = await openRelease("confab-e2e-trouble");
  });
  after(async () => {
    await release.remove();
  });

  const values = { "redis.auth.existingSecret": "redis-of-ours", "ingress.rateLimit.enabled": "false" };
  const sql = (statement: string) =>
    release.kubectl(
      ...["exec", "statefulset/confab-mysql", "--", "sh", "-c"],
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

  it("waits for a Secret that is missing, names it, and goes on when it comes", async () => {
    await release.apply(values);
    const waiting = async () =>
      (await podsOf("ingest"))
        .flatMap(({ status }) => [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
        .flatMap(({ state }) => state.waiting ?? []);
    await until("a pod that says what it waits for", async () =>
      (await waiting()).some(({ message = "" }) => message.includes('secret "redis-of-ours" not found')),
    );
    expect(await readyPods(services)).to.deep.equal([]);
    await release.kubectl("create", "secret", "generic", "redis-of-ours", "--from-literal=password=now-it-is-there");
    for (const component of services)
      await release.kubectl("rollout", "status", `deployment/confab-${component}`, "--timeout=300s");
    expect(await restartsOf(release, services), "restarts").to.equal(0);
    report(`a missing Secret was waited for; restarts of services: 0`);
  });

  it("waits for a Redis that comes late, is not ready meanwhile, says what it waits for, and restarts nothing", async () => {
    await release.kubectl("scale", "statefulset/confab-redis", "--replicas=0");
    await release.kubectl("wait", "pod/confab-redis-0", "--for=delete", "--timeout=120s");
    // New pods, which have never seen Redis; by hand, for no rollout would let the old ones go.
    for (const component of ["ingest", "worker"])
      await release.kubectl("delete", "pods", "--selector", `app.kubernetes.io/component=${component}`, "--wait=true");
    await pause(30_000);
    for (const component of ["ingest", "worker"]) {
      const pods = await podsOf(component);
      expect(pods.filter(isReady), `${component} before Redis is available`).to.deep.equal([]);
      expect(await restartsOf(release, [component]), `restarts of ${component}`).to.equal(0);
      const said = await release.kubectl("logs", pods[0]!.metadata.name);
      expect(said).to.include("waiting for Redis").and.include("Is REDIS_URL right and the server up?");
    }
    await release.kubectl("scale", "statefulset/confab-redis", "--replicas=1");
    const began = performance.now();
    for (const component of ["ingest", "worker"])
      await release.kubectl("rollout", "status", `deployment/confab-${component}`, "--timeout=300s");
    report(
      `ingest and worker ready ${((performance.now() - began) / 1000).toFixed(1)} s after Redis was asked for; restarts: ${await restartsOf(release, services)}`,
    );
    expect(await restartsOf(release, services), "restarts").to.equal(0);
  });

  it("continues to serve with the old pods when a migration fails, lets no new pod serve before the schema exists, and logs the reason", async () => {
    const token = await release.createApplication("migration");
    const chats = await release.createChats(token, 5);
    // The worker gets no requests. It is not ready without the schema, but continues to work.
    const serving = ["ingest", "api"];
    const before = await readyPods(serving);
    const [worker] = await podsOf("worker");
    const load = startLoad({ token, chats, writers: 4, readers: 2 });
    // As an interrupted migration leaves it: the Job refuses to go on, and new pods find a schema that is not whole.
    await sql("UPDATE _prisma_migrations SET finished_at = NULL");
    await release.apply({
      ...values,
      ...Object.fromEntries(services.map((name) => [`${name}.podAnnotations.revision`, "next"])),
    });
    const revision = (JSON.parse(await release.helm("history", "confab", "--output", "json")) as unknown[]).length;
    await until("the migration's reason", async () => {
      const said = await release.kubectl("logs", `job/confab-migrate-${revision}`, "--tail=50").catch(() => "");
      return said.includes("was begun and not finished");
    });
    await until("new pods that say what they wait for", async () => {
      const pods = (await podsOf("api")).filter((pod) => !isReady(pod));
      const said = await Promise.all(
        pods.map(({ metadata }) =>
          release.kubectl("logs", metadata.name, "--container=wait-for-schema").catch(() => ""),
        ),
      );
      return said.length > 0 && said.every((text) => text.includes("is not applied: run confabctl migrate"));
    });
    await pause(15_000);
    expect((await readyPods(serving)).sort(), "the old pods, and no others").to.deep.equal(before.sort());
    expect((await podsOf("worker")).map(({ metadata }) => metadata.name)).to.include(worker?.metadata.name);
    expect(await restartsOf(release, services), "restarts of services").to.equal(0);
    // An operator who has found the tables complete marks the migration as finished.
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
