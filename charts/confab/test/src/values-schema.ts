import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ValueEntry } from "./values-file.ts";

type Schema = Readonly<Record<string, unknown>>;

interface Types {
  readonly names: Readonly<Record<string, unknown>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

/**
 * Returns the JSON Schema of values.yaml, draft 7. Throws with the path of a value whose type follows from neither
 * comment, name nor default.
 */
export function valuesSchema(entries: readonly ValueEntry[]): Schema {
  const types = parse(readFileSync(join(import.meta.dirname, "schema-types.yaml"), "utf8")) as Types;
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $comment: "Made by `make generate` from the comments in values.yaml and test/src/schema-types.yaml.",
    title: "Values of the chart confab",
    ...sectionOf(entries, types),
    definitions: types.definitions,
  };
}

function sectionOf(entries: readonly ValueEntry[], types: Types): Schema {
  const properties = entries.map((entry) => [entry, schemaOf(entry, types)] as const);
  const required = properties.filter(([entry, schema]) => isRequired(entry, schema, types)).map(([{ name }]) => name);
  return {
    type: "object",
    additionalProperties: false,
    ...(required.length > 0 && { required: required.toSorted() }),
    properties: Object.fromEntries(properties.map(([{ name }, schema]) => [name, schema])),
  };
}

function schemaOf(entry: ValueEntry, types: Types): Schema {
  const { path, name, description, schema, children } = entry;
  const given = schema ?? types.names[name];
  if (given === undefined && description === "" && children.length > 0) return sectionOf(children, types);
  const documented = description === "" ? {} : { description };
  if (typeof given === "string") {
    if (!(given in types.definitions)) throw new Error(`${path}: schema-types.yaml has no definition ${given}`);
    return { ...documented, $ref: `#/definitions/${given}` };
  }
  return { ...documented, ...((given as Schema | undefined) ?? ofDefault(entry)) };
}

function ofDefault({ path, default: value }: ValueEntry): Schema {
  if (typeof value === "boolean" || typeof value === "string") return { type: typeof value };
  if (typeof value === "number") return { type: Number.isInteger(value) ? "integer" : "number", minimum: 0 };
  throw new Error(`${path}: its default does not determine its type; add a comment "# @schema …"`);
}

/** Definitions of lists and maps that templates read without a check. */
const neededDefinitions = new Set(["env", "hosts", "image", "resources"]);

/**
 * Returns whether a value must be present. Templates read sections and scalars without a check. Values with an empty
 * default may be missing, and so may most lists and maps.
 */
function isRequired({ default: value, description, children }: ValueEntry, schema: Schema, types: Types): boolean {
  if (description === "" && children.length > 0) return true;
  const definitionName = String(schema.$ref).split("/").at(-1)!;
  if (neededDefinitions.has(definitionName)) return true;
  const definition = types.definitions[definitionName] ?? schema;
  if (allowsNull(definition)) return false;
  const isScalar =
    typeof value === "number" || typeof value === "boolean" || (typeof value === "string" && value !== "");
  return isScalar || "required" in definition;
}

function allowsNull({ type, anyOf = [] }: Schema): boolean {
  return type === "null" || (Array.isArray(type) && type.includes("null")) || (anyOf as Schema[]).some(allowsNull);
}
