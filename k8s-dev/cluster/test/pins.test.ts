import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parse, parseAllDocuments } from "yaml";
import { paths, readImage, readVersions } from "../src/settings.ts";

describe("the cluster for development", () => {
  it("runs the pinned Kubernetes", () => {
    const [, cluster] = parseAllDocuments(readFileSync(paths.cluster, "utf8"));
    expect(cluster!.get("kubernetesVersion")).to.equal(readVersions().kubernetes);
  });

  it("has values for every addon, each of an exact version", () => {
    for (const { name, version } of readVersions().addons) {
      expect(version).to.match(/^\d+\.\d+\.\d+$/);
      expect(parse(readFileSync(paths.valuesOf(name), "utf8"))).to.be.an("object");
    }
  });

  it("writes the ingress controller's log as JSON with the request's id", () => {
    const values = parse(readFileSync(paths.valuesOf("ingress-nginx"), "utf8")) as {
      controller: { config: Record<string, string> };
    };
    const { config } = values.controller;
    const sample = config["log-format-upstream"]!.replaceAll(/"\$(\w+)"/g, '"$1"').replaceAll(/\$\w+/g, "1");
    expect(JSON.parse(sample)).to.include({ request_id: "req_id", service: "service_name" });
    expect(config).to.include({ "limit-req-status-code": "429", "limit-conn-status-code": "429" });
  });
});

describe("IMAGE", () => {
  it("is split into the values of the chart", () => {
    expect(readImage({ IMAGE: "localhost:5005/team/confab:dev" })).to.deep.equal({
      name: "localhost:5005/team/confab:dev",
      repository: "localhost:5005/team/confab",
      tag: "dev",
    });
    expect(readImage({ IMAGE: "localhost:5005/confab" }).repository).to.equal("localhost:5005/confab");
    expect(readImage({}).name).to.match(/^confab:\d+\.\d+\.\d+$/);
  });
});
