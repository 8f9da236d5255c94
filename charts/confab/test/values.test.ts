import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { chartFolder } from "./src/paths.ts";
import { schemaPaths, type JsonSchema } from "./src/schema-paths.ts";
import { renderWith } from "./src/scenarios.ts";
import { isRead, templateReferences } from "./src/template-references.ts";
import { declaredPaths, documentedValues, undocumentedValues, valueEntries } from "./src/values-file.ts";
import { valuesSchema } from "./src/values-schema.ts";

/** Paths of values that no template reads, each with the reason. */
const readOtherwise: Readonly<Record<string, string>> = {};

describe("values.yaml", () => {
  const declared = declaredPaths();
  const components = declared.filter((path) => !path.includes("."));
  const references = templateReferences(components);

  it("describes every value", () => {
    expect(undocumentedValues()).to.deep.equal([]);
  });

  it("has no value that no template reads", () => {
    const unread = documentedValues()
      .map(({ path }) => path)
      .filter((path) => !isRead(path, references));
    expect(unread.toSorted()).to.deep.equal(Object.keys(readOtherwise).toSorted());
  });

  it("has every value that a template names", () => {
    const known = new Set(declared);
    const open = new Set(documentedValues().map(({ path }) => path));
    const isKnown = (path: string): boolean =>
      known.has(path) || path.split(".").some((_, index, all) => open.has(all.slice(0, index).join(".")));
    const named = [...references.full].filter((path) => !isKnown(path) && !isHelperOfSomeComponents(path, declared));
    expect(named).to.deep.equal([]);
  });

  it("accepts null wherever its description explains it", async () => {
    const nullable = documentedValues().filter(
      ({ description, default: value }) => description.includes(" null: ") && value !== null,
    );
    expect(nullable).to.have.length.greaterThan(0);
    await renderWith(...nullable.flatMap(({ path }) => ["--set", `${path}=null`]));
  });

  it("accepts null in place of every list and map that the schema does not require", async () => {
    const schema = valuesSchema(valueEntries()) as JsonSchema;
    const optional = documentedValues().filter(
      ({ path, default: value }) => typeof value === "object" && value !== null && !isRequired(schema, path.split(".")),
    );
    expect(optional).to.have.length.greaterThan(100);
    const nulls = optional.flatMap(({ path }) => ["--set", `${path}=null`]);
    await renderWith(...nulls);
    const more = [
      "ingress.enabled=true",
      "worker.keda.enabled=true",
      "backup.enabled=true,backup.existingClaim=dumps",
      "monitoring.prometheusRule.enabled=true",
    ];
    await renderWith(...more.flatMap((set) => ["--set", set]), ...nulls);
  });

  it("would report a value that no template reads, and an unknown name", () => {
    expect(isRead("ingest.service.prot", references)).to.equal(false);
    expect(isRead("mysql.persistance.size", references)).to.equal(false);
    expect(isRead("telemetry.sampler", references)).to.equal(true);
  });
});

describe("values.schema.json", () => {
  it("is generated from values.yaml", () => {
    const written = JSON.parse(readFileSync(join(chartFolder, "values.schema.json"), "utf8")) as unknown;
    expect(written).to.deep.equal(valuesSchema(valueEntries()));
  });

  it("requires a type comment for every value whose name and default give no type", () => {
    const entry = { path: "api.things", name: "things", description: "Things", children: [] };
    expect(() => valuesSchema([{ ...entry, default: [], schema: undefined }])).to.throw("api.things: its default");
    expect(() => valuesSchema([{ ...entry, default: [], schema: "strnigs" }])).to.throw("no definition strnigs");
    expect(valuesSchema([{ ...entry, default: [], schema: "strings" }])).to.have.nested.property(
      "properties.things.$ref",
      "#/definitions/strings",
    );
  });

  it("contains exactly the names in values.yaml, and refuses others", () => {
    const schema = JSON.parse(readFileSync(join(chartFolder, "values.schema.json"), "utf8")) as JsonSchema;
    const open = documentedValues().map(({ path }) => path);
    const isPart = (path: string): boolean => open.some((whole) => path.startsWith(`${whole}.`));
    const { paths, lenient } = schemaPaths(schema);
    expect(paths.filter((path) => !isPart(path)).toSorted()).to.deep.equal(
      declaredPaths()
        .filter((path) => !isPart(path))
        .toSorted(),
    );
    const maps = new Set(declaredPaths().map((path) => path.split(".").slice(0, -1).join(".")));
    expect(lenient.filter((path) => maps.has(path) && !open.includes(path) && !isPart(path))).to.deep.equal([]);
  });
});

/**
 * Returns whether any component has the value. A helper for several components may read values that only some of them
 * have, such as `worker.keda`.
 */
function isHelperOfSomeComponents(path: string, declared: readonly string[]): boolean {
  const rest = path.split(".").slice(1).join(".");
  return declared.some((other) => other.split(".").slice(1).join(".") === rest);
}

function isRequired(schema: JsonSchema, [name, ...rest]: readonly string[]): boolean {
  if (rest.length === 0) return schema.required?.includes(name!) ?? false;
  return isRequired(schema.properties![name!]!, rest);
}
