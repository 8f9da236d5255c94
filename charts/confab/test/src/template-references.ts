import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chartFolder } from "./paths.ts";

export interface TemplateReferences {
  /** Paths below .Values that templates name in full, directly or through a variable, such as ingest.service.port. */
  readonly full: ReadonlySet<string>;
  /** Paths that templates read below a variable or the dot, such as service.port. */
  readonly relative: ReadonlySet<string>;
}

/** Finds the values that the templates read, by parsing their text. */
export function templateReferences(components: readonly string[]): TemplateReferences {
  const folder = join(chartFolder, "templates");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(tpl|yaml|txt)$/.test(file),
  );
  const parts = files.flatMap((file) => readFileSync(join(folder, file), "utf8").split(/(?=\{\{-? *define )/));
  const found = parts.map((part) => referencesIn(part, components));
  return {
    full: new Set(found.flatMap(({ full }) => full)),
    relative: new Set(found.flatMap(({ relative }) => relative)),
  };
}

/**
 * Returns the references in one definition, or in the rest of a file. In such a part, each variable has only one
 * meaning.
 */
function referencesIn(part: string, components: readonly string[]): { full: string[]; relative: string[] } {
  const code = [...part.matchAll(/\{\{-?([\s\S]*?)-?\}\}/g)]
    .map(([, action = ""]) => action.replaceAll(/\/\*[\s\S]*?\*\//g, ""))
    .join("\n");
  // `get .root.Values .component` stands for each component's map.
  const plain = code
    .replaceAll(/\(get [.$]\S*Values \S+\)/g, ".Values.<component>")
    .replaceAll(/get [.$]\S*Values \S+/g, ".Values.<component>");
  const variables = new Map<string, string>();
  for (const [, name = "", path = ""] of plain.matchAll(/\$(\w+) :?= [.$\w]*?\.Values\.([\w.<>]+) *$/gm)) {
    variables.set(name, path);
  }
  const full: string[] = [];
  const relative: string[] = [];
  for (const [, owner = "", path = ""] of plain.matchAll(/([$\w)]*)((?:\.[\w<>]+)+)/g)) {
    const chain = path.slice(1);
    const below = /(?:^|\.)Values\.(.*)$/.exec(chain)?.[1];
    const variable = variables.get(owner.slice(1));
    if (below !== undefined) full.push(below);
    else if (owner.startsWith("$") && variable !== undefined) full.push(`${variable}.${chain}`);
    // Helpers receive maps by name: `.monitor.interval` reads the interval of the map that the caller passes as
    // monitor.
    else relative.push(chain, chain.slice(chain.indexOf(".") + 1));
  }
  // Values can also be named in strings: `range list "affinity" "tolerations"`, `dig "limits" "memory"`.
  for (const [line] of plain.matchAll(/^.*\b(?:list|dig|get|pick|hasKey) .*$/gm)) {
    for (const [, name = ""] of line.matchAll(/"(\w+)"/g)) relative.push(name);
  }
  for (const path of variables.values()) full.push(path);
  return {
    full: full.flatMap((path) =>
      path.startsWith("<component>") ? components.map((name) => path.replace("<component>", name)) : [path],
    ),
    relative,
  };
}

/**
 * Returns whether a template reads a value: by its full path; as part of a section that is read as a whole; or by the
 * full path of a section and then, in one or several steps, by the rest of the path.
 */
export function isRead(path: string, { full, relative }: TemplateReferences): boolean {
  if (full.has(path)) return true;
  const segments = path.split(".");
  const reaches = (from: number): boolean => {
    if (from === segments.length) return true;
    return segments.some(
      (_, index) => index >= from && relative.has(segments.slice(from, index + 1).join(".")) && reaches(index + 1),
    );
  };
  return segments.some((_, index) => index > 0 && full.has(segments.slice(0, index).join(".")) && reaches(index));
}
