import { readFileSync, writeSync } from "node:fs";
import { exit as exitProcess } from "node:process";
import type { z } from "zod";
import { describeVariables } from "./describe-variables.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigProblem {
  readonly name: string;
  readonly message: string;
}

/** EX_CONFIG from sysexits.h. It shows an orchestrator that a restart with the same settings will not help. */
const exConfig = 78;

export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(
      [
        "The configuration is not usable. Correct these variables:",
        ...problems.map(({ name, message }) => `  ${name}: ${message}`),
      ].join("\n"),
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads the variables that the schema names. `NAME_FILE` names a file that contains the value. An empty value counts as
 * unset. Throws one ConfigError that lists every problem and never shows the value of a leaf marked `.meta({ secret:
 * true })`.
 */
export function parseEnv<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  const problems: ConfigProblem[] = [];
  const values: Record<string, string> = {};
  const unreadable = new Set<string>();
  for (const name of Object.keys(schema.shape)) {
    try {
      const value = readValue(name, env);
      if (value !== undefined) values[name] = value;
    } catch (error) {
      unreadable.add(name);
      problems.push({ name, message: error instanceof Error ? error.message : String(error) });
    }
  }
  const result = schema.safeParse(values);
  if (!result.success) {
    const reported = new Set(unreadable);
    for (const issue of result.error.issues) {
      const name = String(issue.path[0] ?? "(settings)");
      if (reported.has(name)) continue;
      const leaf = schema.shape[name] as z.ZodType | undefined;
      // If the leaf is well-formed, the issue comes from a check across variables, which has its own message.
      const malformed = leaf?.safeParse(values[name]).success === false;
      if (malformed) reported.add(name);
      problems.push({ name, message: malformed ? leafMessage(schema, name, values[name]) : issue.message });
    }
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(problems);
  return result.data;
}

/**
 * Runs `load`. Writes a ConfigError to standard error and ends the process with exit code 78. Other errors are thrown.
 */
export function exitOnConfigError<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    writeSync(process.stderr.fd, `${error.message}\n`);
    return exitProcess(exConfig);
  }
}

function readValue(name: string, env: Environment): string | undefined {
  const direct = env[name] === "" ? undefined : env[name];
  const file = env[`${name}_FILE`];
  if (file === undefined || file === "") return direct;
  if (direct !== undefined) throw new Error(`both ${name} and ${name}_FILE are set; set one of them`);
  const text = readSecretFile(name, file).replace(/\r?\n$/, "");
  return text === "" ? undefined : text;
}

function readSecretFile(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new Error(`the file named by ${name}_FILE cannot be read (${reason})`, { cause: error });
  }
}

function leafMessage(schema: z.ZodObject, name: string, value: string | undefined): string {
  const { form, description, secret } = describeVariables(schema).find((variable) => variable.name === name)!;
  const [firstSentence = ""] = description.split(". ", 1);
  const purpose = firstSentence === "" ? "" : ` (${firstSentence})`;
  if (value === undefined) return `is not set; expected ${form}${purpose}`;
  return `expected ${form}${secret ? "" : `, got ${JSON.stringify(value)}`}${purpose}`;
}
