import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { paths, readVersions } from "../src/settings.ts";
import { evaluateTiltfile, type Call } from "./evaluate-tiltfile.ts";

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const folder = paths.repository;

describe("the Tiltfile", () => {
  let calls: readonly Call[];
  let rendered: readonly Rendered[];

  before(async () => {
    calls = await evaluateTiltfile(readFileSync(join(folder, "Tiltfile"), "utf8"), folder);
    rendered = parseAllDocuments(String(called("k8s_yaml")[0]!.args[0])).flatMap(
      (document) => (document.toJS() as Rendered | null) ?? [],
    );
  });

  const called = (name: string): readonly Call[] => calls.filter((call) => call.name === name);
  const list = (value: unknown): readonly string[] => (value ?? []) as readonly string[];

  it("is for the cluster that make cluster makes", () => {
    const { name } = parseAllDocuments(readFileSync(paths.cluster, "utf8"))[1]!.toJS() as { name: string };
    expect(called("allow_k8s_contexts").map(({ args }) => args[0])).to.deep.equal([name]);
  });

  it("installs the addons with the versions and values of make cluster", () => {
    const flags = called("helm_resource").map(({ args, options }) => [
      args[0],
      options.namespace,
      ...list(options.flags),
    ]);
    expect(flags).to.have.deep.members(
      readVersions().addons.map(({ name, namespace, version }) => [
        ...[name, namespace, "--create-namespace", `--version=${version}`],
        `--values=k8s-dev/cluster/values/${name}.yaml`,
      ]),
    );
    for (const { options } of called("helm_resource")) {
      for (const file of list(options.deps)) expect(existsSync(join(folder, file)), file).to.equal(true);
    }
  });

  it("builds the image that the chart runs, from a stage that is there and files that are there", () => {
    const [build] = called("docker_build");
    const dockerfile = readFileSync(join(folder, "Dockerfile"), "utf8");
    expect(dockerfile).to.match(new RegExp(`^FROM \\S+ AS ${String(build!.options.target)}$`, "m"));
    for (const file of list(build!.options.only)) expect(existsSync(join(folder, file)), file).to.equal(true);
    expect(JSON.stringify(rendered)).to.include(`"image":"${String(build!.args[0])}:`);
  });

  it("copies sources to where the services run from, and makes a new image for manifests", () => {
    const [build] = called("docker_build");
    const only = list(build!.options.only);
    const synced = called("sync").map(({ args }) => args as readonly string[]);
    for (const [from, to] of synced) {
      expect(only).to.include(from);
      expect(to).to.equal(`/app/${from ?? ""}`);
    }
    for (const service of ["ingest", "api", "worker"]) {
      expect(JSON.stringify(rendered)).to.include(`"args":["services/${service}/src/main.ts"]`);
      expect(existsSync(join(folder, "services", service, "src/main.ts"))).to.equal(true);
    }
    expect(list(called("fall_back_on")[0]!.args[0])).to.include("package-lock.json");
  });

  it("names workloads and objects that the chart has, and every workload of it", () => {
    const inChart = rendered.map(({ kind, metadata }) => `${metadata.name}:${kind.toLowerCase()}`);
    const named = called("k8s_resource");
    expect(inChart).to.include.members(named.flatMap(({ options }) => list(options.objects)));

    const workloads = rendered.filter(({ kind }) => ["Deployment", "StatefulSet", "Job", "Pod"].includes(kind));
    expect(named.flatMap(({ args }) => args)).to.have.members(workloads.map(({ metadata }) => metadata.name));
  });

  it("labels every resource, and lets each wait for resources that are there", () => {
    const resources = ["k8s_resource", "local_resource", "helm_resource", "helm_repo"].flatMap(called);
    const names = resources.map(({ args, options }) => options.new_name ?? args[0]);
    for (const { args, options } of resources) {
      expect(list(options.labels), String(args[0])).to.have.length(1);
      expect(names).to.include.members([...list(options.resource_deps)]);
    }
    expect(new Set(names).size).to.equal(names.length);
  });

  it("has buttons to migrate, seed, try and load it, which only a person presses", () => {
    const manual = calls.filter(({ options }) => options.trigger_mode === "manual");
    expect(manual.map(({ args, options }) => options.new_name ?? args[0])).to.have.members([
      "migrate",
      "smoke",
      "seed",
      "load",
    ]);
  });

  it("takes no port twice", () => {
    const forwards = called("k8s_resource").flatMap(
      ({ options }) => (options.port_forwards ?? []) as (string | number)[],
    );
    const ports = forwards.map((port) => `${port}`.split(":")[0]);
    expect(new Set(ports).size).to.equal(ports.length);
  });
});

describe("a Tiltfile that Tilt would refuse", () => {
  const trouble = (text: string): Promise<unknown> => evaluateTiltfile(text, folder).catch((error: unknown) => error);

  it("is refused for a function that Tilt has not, and for what Starlark has not", async () => {
    expect(String(await trouble("docker_biuld('confab', '.')"))).to.include("docker_biuld");
    expect(String(await trouble("import os"))).to.include("Starlark has no import");
    expect(String(await trouble("print(f'{1}')"))).to.include("Starlark has no");
    expect(String(await trouble("k8s_yaml('a'"))).to.include("SyntaxError");
  });
});
