import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, parseDocument, type YAMLMap } from "yaml";
import { chartFolder } from "./paths.ts";

export interface DocumentedValue {
  /** Such as ingest.service.port. */
  readonly path: string;
  readonly description: string;
  readonly default: unknown;
}

interface Entry extends DocumentedValue {
  readonly children: readonly Entry[];
}

/** The values that have a description of their own ("# -- …" above them), in the file's order; what lies below one is part of it. */
export function documentedValues(): DocumentedValue[] {
  return flatten(entries(), ({ description }) => description !== "").filter(({ description }) => description !== "");
}

/** The paths of what has neither a description nor anything described below it. */
export function undocumentedValues(): string[] {
  return flatten(entries(), ({ description }) => description !== "")
    .filter(({ description, children }) => description === "" && children.length === 0)
    .map(({ path }) => path);
}

/** Every path of values.yaml, those that have others below them included. */
export function declaredPaths(): string[] {
  return flatten(entries(), () => false).map(({ path }) => path);
}

function entries(): Entry[] {
  const document = parseDocument(readFileSync(join(chartFolder, "values.yaml"), "utf8"));
  return isMap(document.contents) ? entriesOf(document.contents, "") : [];
}

function entriesOf(map: YAMLMap, parent: string): Entry[] {
  return map.items.map(({ key, value }, index) => {
    const name = isScalar(key) ? String(key.value) : String(key);
    const path = parent === "" ? name : `${parent}.${name}`;
    // The comment above a map's first entry belongs to the map itself in the syntax tree.
    const above = (isScalar(key) ? key.commentBefore : undefined) ?? (index === 0 ? map.commentBefore : undefined);
    const children = isMap(value) ? entriesOf(value, path) : [];
    const plain: unknown = (value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null;
    return { path, description: descriptionIn(above ?? ""), default: plain, children };
  });
}

/** The text behind "--" and the comment's further lines. */
function descriptionIn(comment: string): string {
  const lines = comment.split("\n").map((line) => line.trim());
  const start = lines.findLastIndex((line) => line.startsWith("-- "));
  return start === -1 ? "" : lines.slice(start).join(" ").slice(3);
}

function flatten(all: readonly Entry[], isWhole: (entry: Entry) => boolean): Entry[] {
  return all.flatMap((entry) => [entry, ...(isWhole(entry) ? [] : flatten(entry.children, isWhole))]);
}
