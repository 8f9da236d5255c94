import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { z } from "zod";
import { configurationPage } from "./configuration-page.ts";
import { describeVariables } from "./describe-variables.ts";
import { libraryVariables } from "./library-variables.ts";
import { serviceNames, services } from "./services.ts";

const root = join(import.meta.dirname, "../../..");
const variables = serviceNames.flatMap((name) => describeVariables(services[name].variables));

describe("the configuration page", () => {
  it("has every variable, with a description and a default that the service accepts", () => {
    const page = configurationPage();
    for (const { name, description, default: written } of variables) {
      expect(page, name).to.include(`| \`${name}\` | `);
      expect(description, name).to.match(/^[A-Z].*[^.]$/);
      for (const service of serviceNames) {
        const leaf = services[service].variables.shape[name] as z.ZodType | undefined;
        const hasDefault = leaf?.safeParse(undefined).data !== undefined;
        if (!hasDefault) continue;
        expect(written, name).to.be.a("string");
        expect(leaf.safeParse(written).success, `${name}=${written!}`).to.equal(true);
      }
    }
  });

  it("says once that a value is secret", () => {
    const secret = configurationPage().match(/^.*secret.*secret.*$/gm) ?? [];
    expect(secret).to.deep.equal([]);
  });

  it("has every variable that code of a service reads", () => {
    const declared = new Set([...variables.map(({ name }) => name), ...Object.keys(libraryVariables)]);
    const sources = globSync(
      ["packages/{contracts,database,http,pending,queue,runtime,search}/src/**/*.ts", "services/*/src/**/*.ts"],
      {
        cwd: root,
      },
    ).filter((file) => !file.includes("/generated/") && !file.endsWith(".test.ts"));
    expect(sources.length).to.be.above(100);
    const read = sources.flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(/\benv(?:\.|\[")([A-Z][A-Z0-9_]+)/g)].map(
        ([, name]) => name!,
      ),
    );
    expect(read).to.include("OTEL_TRACES_SAMPLER");
    expect(read.filter((name) => !declared.has(name))).to.deep.equal([]);
  });
});
