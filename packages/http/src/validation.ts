import { ProblemError, pathParameters, type FieldError, type PathParameter } from "@confab/contracts";
import type { z } from "zod";

/**
 * Parses the path parameters with their schemas. Throws the problem defined for the parameter, or a 422 that reports
 * its errors under `{name}`.
 */
export function parseParams(
  names: readonly PathParameter[],
  params: Readonly<Record<string, unknown>>,
): Record<string, string | number> {
  const values: Record<string, string | number> = {};
  for (const name of names) {
    const { schema, invalid } = pathParameters[name];
    const result = schema.safeParse(params[name]);
    if (!result.success) {
      const errors = result.error.issues.map(({ message }) => ({ pointer: `{${name}}`, detail: message }));
      throw new ProblemError(invalid, invalid === "validation-failed" ? { errors } : {});
    }
    values[name] = result.data;
  }
  return values;
}

/** Parses a query; each error is reported under `?name`. */
export function parseQuery(schema: z.ZodType, query: unknown): unknown {
  return parse(schema, query, ([name]) => `?${String(name ?? "")}`, "must be given once");
}

/** Parses a body; each error is reported under its JSON pointer (RFC 6901), which is "" for the body itself. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  return parse(schema, body, jsonPointer);
}

/** Parses a value. `repeated` is the message for a list where the schema expects a single value. */
function parse<T>(
  schema: z.ZodType<T>,
  input: unknown,
  pointerOf: (path: PropertyKey[]) => string,
  repeated?: string,
): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), detail: "is not a known field" }));
    }
    const isRepeated = repeated !== undefined && Array.isArray(valueAt(issue.path, input));
    return [{ pointer: pointerOf(issue.path), detail: isRepeated ? repeated : sentenceOf(issue, input) }];
  });
  throw new ProblemError("validation-failed", { errors });
}

function jsonPointer(path: PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function sentenceOf(issue: z.core.$ZodIssue, input: unknown): string {
  if (issue.code === "invalid_type") {
    if (issue.path.length > 0 && valueAt(issue.path, input) === undefined) return "is required";
    // Only zod's default messages start like this.
    if (issue.message.startsWith("Invalid input")) return `must be ${withArticle(issue.expected)}`;
  }
  return issue.message;
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function valueAt(path: PropertyKey[], input: unknown): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
