import { readFileSync } from "node:fs";
import { writePrivate } from "./private-file.ts";
import { ownVariables, paths } from "./settings.ts";

type Environment = NodeJS.ProcessEnv;

// `make up` gives each process its own values for these variables, so they are not kept.
const assigned = new Set(["HOST", "PORT", "ADMIN_PORT"]);

/** Returns the variables of the last start, or none before the first start. */
export function readKept(): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(paths.settings, "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}

/**
 * Returns the environment with the variables from the last start that it does not set, and without variables that are
 * set to an empty value. Reports each variable from the last start on one line, but never its value.
 */
export function withKept(env: Environment, kept: Environment, onProgress: (line: string) => void): Environment {
  const settings: Environment = { ...env };
  for (const [name, value] of Object.entries(kept)) {
    if (env[name] !== undefined || isSet(env[twinOf(name)])) continue;
    settings[name] = value;
    onProgress(`${name} is kept from the last start; to remove it, set ${name}= (to nothing)`);
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => isSet(value)));
}

/** Keeps the settings for the next start; `variables` are the names of the services' variables. */
export function keep(settings: Environment, variables: readonly string[]): void {
  const names = [...ownVariables, ...variables].filter((name) => !assigned.has(name));
  writePrivate(paths.settings, JSON.stringify(pick(settings, names), null, 2));
}

/**
 * Returns the named variables that are set, directly or as NAME_FILE, and those that Node.js and OpenTelemetry read
 * themselves.
 */
export function pick(settings: Environment, names: readonly string[]): Record<string, string> {
  const wanted = new Set([...names.flatMap((name) => [name, `${name}_FILE`]), "NODE_EXTRA_CA_CERTS"]);
  const entries = Object.entries(settings).filter(([name]) => wanted.has(name) || name.startsWith("OTEL_"));
  const set = entries.filter((entry): entry is [string, string] => isSet(entry[1]));
  return Object.fromEntries(set.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const isSet = (value: string | undefined) => value !== undefined && value !== "";

/**
 * Returns the other name of a variable. NAME and NAME_FILE are two ways to set one value, and setting both is an error.
 */
const twinOf = (name: string) => (name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : `${name}_FILE`);
