import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { run } from "./command.ts";
import { createClient, type Client } from "./http.ts";

export const chartFolder = join(import.meta.dirname, "../../charts/confab");

/** URL of the cluster's ingress controller. */
export const edgeUrl = process.env.CONFAB_EDGE_URL ?? "http://127.0.0.1";

/** Values files for this cluster, for example with its image registry; see docs/how-to/test-on-a-cluster.md. */
const clusterValues = process.env.CONFAB_E2E_VALUES?.split(",").filter((file) => file !== "") ?? [];

/** Whether to reuse the release of the previous run and keep it afterwards, to investigate a failing test. */
const keep = process.env.CONFAB_E2E_KEEP === "on";

// If this root hook fails, Mocha runs no suite. Otherwise each after() would fail too, and hide the reason.
before(async () => {
  await run("kubectl", ["version", "--request-timeout=5s"]).catch((error: unknown) => {
    throw new Error(
      `The cluster of KUBECONFIG does not answer: check the file, and start the cluster. ${String(error)}`,
    );
  });
});

export const services = ["ingest", "api", "worker"] as const;
export type Component = (typeof services)[number];

export interface UpgradeOptions {
  readonly chart?: string;
  /** Additional arguments for Helm. */
  readonly flags?: readonly string[];
}

export interface Release {
  readonly namespace: string;
  readonly client: Client;
  /**
   * Installs or upgrades the release with the values for this cluster, for the test and in `set`. Waits until
   * everything is ready.
   */
  upgrade(set?: Readonly<Record<string, string>>, options?: UpgradeOptions): Promise<void>;
  /** Installs or upgrades the release like `upgrade`, but does not wait. */
  apply(set?: Readonly<Record<string, string>>): Promise<void>;
  helm(...args: string[]): Promise<string>;
  kubectl(...args: string[]): Promise<string>;
  json<T>(...args: string[]): Promise<T>;
  /** Runs confabctl in an api pod and resolves with its standard output. */
  confabctl(...args: string[]): Promise<string>;
  /** Reads the admin key from the release's Secret. */
  adminKey(): Promise<string>;
  createApplication(name: string): Promise<string>;
  createChats(token: string, count: number): Promise<number[]>;
  /** Removes the release, its data and its namespace. */
  remove(): Promise<void>;
}

/** Opens a release named `confab` in its own namespace, which enforces the restricted Pod Security level. */
export async function openRelease(namespace: string, valuesFile = "values.yaml"): Promise<Release> {
  const kubectl = (...args: string[]) => run("kubectl", ["--namespace", namespace, ...args]);
  const helm = (...args: string[]) => run("helm", ["--namespace", namespace, ...args]);
  const client = createClient(edgeUrl);
  if (!keep) await run("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
  await run("kubectl", ["apply", "--filename", "-"], {
    input: JSON.stringify({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    }),
  });
  const values = [join(import.meta.dirname, valuesFile), ...clusterValues].flatMap((file) => ["--values", file]);

  const upgrade = async (set: Readonly<Record<string, string>>, chart: string, ...more: string[]): Promise<void> => {
    const sets = Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    await helm("upgrade", "--install", "confab", chart, ...values, ...sets, ...more);
  };
  const adminKey = async (): Promise<string> => {
    const encoded = await kubectl("get", "secret", "confab-admin", "--output", "jsonpath={.data.admin-api-key}");
    return Buffer.from(encoded, "base64").toString();
  };
  return {
    namespace,
    client,
    kubectl,
    helm,
    adminKey,
    json: async <T>(...args: string[]) => JSON.parse(await kubectl(...args, "--output", "json")) as T,
    confabctl: (...args) => kubectl("exec", "deployment/confab-api", "--", "confabctl", ...args),
    async upgrade(set = {}, { chart = chartFolder, flags = [] } = {}) {
      await upgrade(set, chart, "--wait", "--timeout", "10m", ...flags);
      await served(client);
    },
    apply: (set = {}) => upgrade(set, chartFolder),
    async createApplication(name) {
      const headers = { Authorization: `Bearer ${await adminKey()}` };
      const answer = await client.send("POST", "/applications", { name }, headers);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      return (answer.body as { token: string }).token;
    },
    async createChats(token, count) {
      const chats: number[] = [];
      for (let created = 0; created < count; created++) {
        const answer = await client.send("POST", `/applications/${token}/chats`);
        expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
        chats.push((answer.body as { number: number }).number);
      }
      return chats;
    },
    async remove() {
      client.stop();
      if (keep) return;
      await helm("uninstall", "confab", "--wait");
      await run("kubectl", ["delete", "namespace", namespace, "--wait"]);
    },
  };
}

/** Waits until the ingress controller routes to pods of both services. */
async function served(client: Client): Promise<void> {
  const deadline = performance.now() + 30_000;
  const isServed = async () =>
    (await client.send("GET", "/openapi.json")).status === 200 &&
    (await client.send("POST", "/messages", {})).status === 422;
  while (!(await isServed())) {
    expect(performance.now(), "the ingress controller reaches no pod").to.be.below(deadline);
    await pause(200);
  }
}

/** Waits until the new pods of the Deployment are ready and the old ones have terminated. */
export async function rolledOut(release: Release, component: Component): Promise<void> {
  await release.kubectl("rollout", "status", `deployment/confab-${component}`, "--timeout=300s");
  const selector = `app.kubernetes.io/component=${component}`;
  for (;;) {
    const { items } = await release.json<{ items: { metadata: { deletionTimestamp?: string } }[] }>(
      "get",
      "pods",
      "--selector",
      selector,
    );
    if (items.every(({ metadata }) => metadata.deletionTimestamp === undefined)) return;
    await pause(500);
  }
}

interface PodList {
  items: { metadata: { name: string }; status: { containerStatuses?: { restartCount: number }[] } }[];
}

/** Returns the number of container restarts in the pods of these components, or in all pods. */
export async function restartsOf(release: Release, components?: readonly string[]): Promise<number> {
  const selector =
    components === undefined ? [] : ["--selector", `app.kubernetes.io/component in (${components.join(",")})`];
  const { items } = await release.json<PodList>("get", "pods", ...selector);
  return items
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** Expects that the counts equal the rows and that the index holds all messages. Waits up to 180 s for indexing. */
export async function expectConsistent(release: Release): Promise<void> {
  await release.confabctl("counts", "verify");
  await release.confabctl("search", "verify", "--wait", "180");
}

export async function podsOf(release: Release, component: string): Promise<string[]> {
  const { items } = await release.json<PodList>(
    "get",
    "pods",
    "--selector",
    `app.kubernetes.io/component=${component}`,
  );
  return items.map(({ metadata }) => metadata.name);
}

/** Evicts pods one by one, like `kubectl drain`, and retries while a disruption budget refuses. */
export async function evict(release: Release, pods: readonly string[]): Promise<void> {
  for (const pod of pods) {
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: pod, namespace: release.namespace },
    };
    const path = `/api/v1/namespaces/${release.namespace}/pods/${pod}/eviction`;
    for (;;) {
      const refused = await run("kubectl", ["create", "--raw", path, "--filename", "-"], {
        input: JSON.stringify(eviction),
      }).then(
        () => undefined,
        (error: unknown) => String(error),
      );
      if (refused === undefined) break;
      expect(refused).to.match(/disruption budget/);
      await pause(1000);
    }
  }
}
