import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { release, templateOn } from "./src/helm.ts";
import { ofKind, type Manifest } from "./src/manifests.ts";
import { render } from "./src/scenarios.ts";

describe("where in Redis chats lie", () => {
  let folder: string;
  let kubeconfig: string;
  let kinds: readonly Manifest[];
  let objects: readonly Manifest[] = [];
  const server = createServer((request, response) => {
    const answer = answerTo(request.url?.split("?")[0] ?? "", kinds, objects);
    response.writeHead(answer === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(
      JSON.stringify(answer ?? { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 }),
    );
  });

  before(async () => {
    kinds = await render("default");
    folder = await mkdtemp(join(tmpdir(), "confab-chart-"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    kubeconfig = join(folder, "kubeconfig");
    const cluster = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    await writeFile(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "test",
        clusters: [{ name: "test", cluster }],
        contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
        users: [{ name: "test", user: {} }],
      }),
    );
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  const upgrade = (...sets: string[]) =>
    templateOn(
      kubeconfig,
      sets.flatMap((set) => ["--set", set]),
    );

  it("is kept by upgrades: another number of partitions or another prefix is refused with a sentence", async () => {
    objects = installed(await render("default"));
    expect(ofKind(objects, "Deployment")).to.have.length(3);
    const refused = await upgrade("config.partitions=12", "config.redisKeyPrefix=other");
    expect(refused.code).to.not.equal(0);
    expect(refused.stderr).to.include("config.partitions is 12, but this release runs with 1");
    expect(refused.stderr).to.include("set config.redisKeyPrefix to confab");
    expect((await upgrade()).stderr).to.equal("");
  });

  it("is free in a first install", async () => {
    objects = [];
    const installed = await upgrade("config.partitions=12", "config.redisKeyPrefix=other");
    expect(installed.stderr).to.equal("");
  });

  it("does not restart a MySQL that runs without what only a first start hears", async () => {
    objects = [];
    expect((await upgrade()).stdout).to.include("MYSQL_ROOT_HOST");
    const bare = structuredClone(await render("default")) as (Manifest & {
      spec: { template: { spec: { containers: { env: { name: string }[] }[] } } };
    })[];
    const mysql = bare.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name.endsWith("-mysql"))!;
    const [container] = mysql.spec.template.spec.containers;
    container!.env = container!.env.filter(({ name }) => name !== "MYSQL_ROOT_HOST");
    objects = installed(bare);
    expect((await upgrade()).stdout).to.not.include("MYSQL_ROOT_HOST");
  });
});

/** As Helm marks what it has made. */
function installed(manifests: readonly Manifest[]): Manifest[] {
  const annotations = {
    "meta.helm.sh/release-name": release.name,
    "meta.helm.sh/release-namespace": release.namespace,
  };
  return manifests.map((manifest) => ({ ...manifest, metadata: { ...manifest.metadata, annotations } }));
}

/** Just enough of an API server for Helm's lookup: the kinds that the chart makes, and the objects of a release. */
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
