import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = globSync(
  "{README.md,SECURITY.md,CONTRIBUTING.md,docs/{how-to,runbooks,explanation,tutorials,adr}/*.md}",
  {
    cwd: root,
  },
);

/** Maps each command to its section of docs/reference/cli.md. */
const commands = new Map(
  read("docs/reference/cli.md")
    .split(/^## /m)
    .filter((section) => section.startsWith("confabctl"))
    .map((section) => [section.slice(0, section.indexOf("\n")), section]),
);

/** Returns the confabctl commands in code, each exactly as written. */
function commandsIn(text: string): string[] {
  const code = text.matchAll(/`(confabctl [^`]+)`|^(?:\$ )?(confabctl .+)$|-- (confabctl .+)$/gm);
  return [...code].map((match) => [match[1], match[2], match[3]].join("").replaceAll(/\s+/g, " "));
}

/** Returns the longest known command at the beginning of a line. */
function commandOf(line: string): string {
  const words = line.split(" ");
  const names = words.map((_, at) => words.slice(0, at + 1).join(" "));
  return names.findLast((name) => commands.has(name)) ?? "";
}

function unknownIn(text: string): string[] {
  // Global options may precede the command.
  const line = text.replace(/^confabctl(?: --(?:json|quiet))+ /, "confabctl ");
  const command = commandOf(line);
  const [next = ""] = line.slice(command.length).trim().split(" ");
  const isGroup = /^Commands:/m.test(commands.get(command) ?? "");
  const options = [...line.matchAll(/ (--[a-z][a-z-]+)/g)].map(([, option]) => option!);
  const known = `${commands.get(command) ?? ""}${commands.get("confabctl") ?? ""}`;
  return [
    ...(isGroup && /^[a-z-]+$/.test(next) && !next.startsWith("-") ? [`${command} ${next}`] : []),
    ...options.filter((option) => !known.includes(option)).map((option) => `${command} ${option}`),
  ];
}

describe("the commands that the documents name", () => {
  const found = pages.flatMap((page) => commandsIn(read(page)).map((line) => ({ page, line })));

  it("are commands of confabctl and have the named options", () => {
    expect(found.length).to.be.greaterThan(60);
    const unknown = found.flatMap(({ page, line }) => unknownIn(line).map((what) => `${page}: ${what}`));
    expect(unknown).to.deep.equal([]);
  });

  it("would be noticed if they were not", () => {
    expect(unknownIn("confabctl search rebuild")).to.deep.equal(["confabctl search rebuild"]);
    expect(unknownIn("confabctl status --twice")).to.deep.equal(["confabctl status --twice"]);
    expect(unknownIn("confabctl --json search verify")).to.deep.equal([]);
  });
});

describe("the programs that the documents start with node", () => {
  /**
   * Returns the commands that run a TypeScript file with the machine's own `node`, which may be older than the required
   * version.
   */
  const startedByAnyNode = (text: string): string[] =>
    [...text.matchAll(/(?<![\w/.])node (?:-\S+ )*\S+\.ts\b/g)].map(([line]) => line);

  it("run with the Node of the dependencies", () => {
    const found = globSync("{*.md,docs/**/*.md,{k8s-dev,packages,bench}/**/*.md}", {
      cwd: root,
      exclude: ["**/node_modules"],
    });
    expect(found.flatMap((page) => startedByAnyNode(read(page)).map((line) => `${page}: ${line}`))).to.deep.equal([]);
  });

  it("would be noticed if they did not", () => {
    expect(startedByAnyNode("`node --cpu-prof a/b.ts`, `node_modules/.bin/node a/b.ts`")).to.deep.equal([
      "node --cpu-prof a/b.ts",
    ]);
  });
});

describe("the variables that the documents name", () => {
  /**
   * Variables and words that belong to OpenTelemetry, Node, MySQL, the tests and the image, and the notation for
   * mounted secrets.
   */
  const foreign = /^(?:(?:OTEL|NODE|CONFAB)_\w+|BEFORE_ON_PRIMARY_FAILOVER|FAKETIME_LIBRARY|RUNTIME_IMAGE|NAME_FILE)$/;
  const configuration = new Set(
    [...read("docs/reference/configuration.md").matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name!),
  );
  const local = `${read("packages/local/README.md")}${read("Makefile")}${globSync("{k8s-dev/cluster,packages/local}/src/**/*.ts", { cwd: root }).map(read).join("")}`;

  const variablesIn = (text: string): string[] =>
    [...text.matchAll(/`(?:export )?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name!);
  const isKnown = (name: string): boolean =>
    configuration.has(name) ||
    configuration.has(name.replace(/_FILE$/, "")) ||
    foreign.test(name) ||
    new RegExp(`\\b${name}\\b`).test(local);

  it("are variables of a service, of a make target or of another known program", () => {
    const found = pages.flatMap((page) => variablesIn(read(page)).map((name) => ({ page, name })));
    expect(found.length).to.be.greaterThan(50);
    expect(found.filter(({ name }) => !isKnown(name)).map(({ page, name }) => `${page}: ${name}`)).to.deep.equal([]);
  });

  it("would be noticed if they were not", () => {
    expect(isKnown("ACCESS_LOG_RATE")).to.equal(true);
    expect(isKnown("ACCESS_LOG_LIMIT")).to.equal(false);
  });
});

describe("the alerts that the documents name", () => {
  it("have a runbook", () => {
    const runbooks = new Set(
      globSync("docs/runbooks/Confab*.md", { cwd: root }).map((path) => path.slice("docs/runbooks/".length, -3)),
    );
    const found = pages.flatMap((page) =>
      [...read(page).matchAll(/\bConfab[A-Z][A-Za-z]+\b/g)].map(([name]) => ({ page, name })),
    );
    expect(found.length).to.be.greaterThan(50);
    expect(found.filter(({ name }) => !runbooks.has(name)).map(({ page, name }) => `${page}: ${name}`)).to.deep.equal(
      [],
    );
  });
});
