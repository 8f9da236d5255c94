import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunResult } from "@confab/cluster";
import { release, templateOn } from "./helm.ts";
import type { Manifest } from "./manifests.ts";

/**
 * Renders the chart with these `--set` values like an upgrade, so that templates can look up the objects in the
 * cluster.
 */
export type Upgrade = (...sets: string[]) => Promise<RunResult>;

/** Runs `use` with a function that renders the chart on an API server started by `withApiServer`. */
export async function withCluster(
  kinds: readonly Manifest[],
  installed: readonly Manifest[],
  use: (upgrade: Upgrade) => Promise<void>,
): Promise<void> {
  await withApiServer(kinds, installed, (kubeconfig) =>
    use((...sets) =>
      templateOn(
        kubeconfig,
        sets.flatMap((set) => ["--set", set]),
      ),
    ),
  );
}

/**
 * Runs `use` with an API server that knows the kinds of the objects in `kinds` and contains the objects of `installed`,
 * marked like objects that Helm installed. It answers only the requests of Helm's `lookup` and of `kubectl
 * --dry-run=client`.
 */
export async function withApiServer(
  kinds: readonly Manifest[],
  installed: readonly Manifest[],
  use: (kubeconfig: string) => Promise<void>,
): Promise<void> {
  const objects = installed.map(markAsInstalled);
  const server = createServer((request, response) => {
    const answer = answerTo(request.url?.split("?")[0] ?? "", kinds, objects);
    response.writeHead(answer === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(
      JSON.stringify(answer ?? { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 }),
    );
  });
  const folder = await mkdtemp(join(tmpdir(), "confab-chart-"));
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, kubeconfigFor((server.address() as AddressInfo).port));
    await use(kubeconfig);
  } finally {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  }
}

function kubeconfigFor(port: number): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server: `http://127.0.0.1:${port}` } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    users: [{ name: "test", user: {} }],
  });
}

function markAsInstalled(manifest: Manifest): Manifest {
  const annotations = {
    "meta.helm.sh/release-name": release.name,
    "meta.helm.sh/release-namespace": release.namespace,
  };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

function answerTo(path: string, kinds: readonly Manifest[], objects: readonly Manifest[]): unknown {
  const versions = [...new Set(kinds.map(({ apiVersion }) => apiVersion))];
  if (path === "/version") return { major: "1", minor: "34", gitVersion: "v1.34.0" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") {
    const groups = versions
      .filter((groupVersion) => groupVersion !== "v1")
      .map((groupVersion) => {
        const [name = "", version = ""] = groupVersion.split("/");
        return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
      });
    return { kind: "APIGroupList", apiVersion: "v1", groups };
  }
  const groupVersion = versions.find((version) => path.startsWith(rootOf(version)));
  if (groupVersion === undefined) return undefined;
  const own = [...new Set(kinds.filter(({ apiVersion }) => apiVersion === groupVersion).map(({ kind }) => kind))];
  if (path === rootOf(groupVersion)) {
    const resources = own.map((kind) => ({ name: pluralOf(kind), kind, namespaced: true, verbs: ["get", "list"] }));
    return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
  }
  return objects.find(
    ({ apiVersion, kind, metadata }) =>
      apiVersion === groupVersion &&
      path === `${rootOf(groupVersion)}/namespaces/${release.namespace}/${pluralOf(kind)}/${metadata.name}`,
  );
}

const rootOf = (groupVersion: string): string => (groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`);
const pluralOf = (kind: string): string => `${kind.toLowerCase().replace(/y$/, "ie")}s`;
