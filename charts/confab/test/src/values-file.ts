import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, parse, parseDocument, type YAMLMap } from "yaml";
import { chartFolder } from "./paths.ts";

export interface DocumentedValue {
  /** Path of the value, such as ingest.service.port. */
  readonly path: string;
  readonly description: string;
  readonly default: unknown;
}

export interface ValueEntry extends DocumentedValue {
  readonly name: string;
  /** A schema, or the name of a definition, from the `@schema` comment; undefined if there is no such comment. */
  readonly schema: unknown;
  readonly children: readonly ValueEntry[];
}

/**
 * Returns the values with a description ("# -- …" above them), in the order of the file. A described map is one value.
 */
export function documentedValues(): DocumentedValue[] {
  return flatten(valueEntries(), ({ description }) => description !== "").filter(
    ({ description }) => description !== "",
  );
}

/** Returns the paths of values that have neither a description nor a described value below them. */
export function undocumentedValues(): string[] {
  return flatten(valueEntries(), ({ description }) => description !== "")
    .filter(({ description, children }) => description === "" && children.length === 0)
    .map(({ path }) => path);
}

/** Returns every path of values.yaml, including the paths of sections. */
export function declaredPaths(): string[] {
  return flatten(valueEntries(), () => false).map(({ path }) => path);
}

/** Returns the entries of values.yaml as a tree, with their comments. */
export function valueEntries(): ValueEntry[] {
  const document = parseDocument(readFileSync(join(chartFolder, "values.yaml"), "utf8"));
  return isMap(document.contents) ? entriesOf(document.contents, "") : [];
}

function entriesOf(map: YAMLMap, parent: string): ValueEntry[] {
  return map.items.map(({ key, value }, index) => {
    const name = isScalar(key) ? String(key.value) : String(key);
    const path = parent === "" ? name : `${parent}.${name}`;
    // In the syntax tree, the comment above a map's first entry belongs to the map itself.
    const above = (isScalar(key) ? key.commentBefore : undefined) ?? (index === 0 ? map.commentBefore : undefined);
    const children = isMap(value) ? entriesOf(value, path) : [];
    const plain: unknown = (value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null;
    return { path, name, ...readComment(above ?? ""), default: plain, children };
  });
}

/** Reads the text after "--" and the YAML after "@schema" in a comment. */
function readComment(comment: string): { description: string; schema: unknown } {
  const lines = comment.split("\n").map((line) => line.trim());
  const start = lines.findLastIndex((line) => line.startsWith("-- "));
  const own = start === -1 ? [] : lines.slice(start);
  const schema = own.find((line) => line.startsWith("@schema "));
  return {
    description: own
      .filter((line) => line !== schema)
      .join(" ")
      .slice(3),
    schema: schema === undefined ? undefined : parse(schema.slice("@schema ".length)),
  };
}

function flatten(all: readonly ValueEntry[], isWhole: (entry: ValueEntry) => boolean): ValueEntry[] {
  return all.flatMap((entry) => [entry, ...(isWhole(entry) ? [] : flatten(entry.children, isWhole))]);
}
