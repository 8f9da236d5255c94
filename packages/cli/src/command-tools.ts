import { InvalidArgumentError, type Command } from "commander";
import { durationMs } from "@confab/config";
import { applicationTokenSchema, JsonText, numberSchema } from "@confab/contracts";
import { createApiClient, type ApiClient } from "./api-client.ts";
import type { Io } from "./io.ts";
import { readLocalStack } from "./local-stack.ts";
import { createOutput, type Output, type OutputOptions } from "./output.ts";

export interface GlobalOptions extends OutputOptions {
  readonly url?: string;
  readonly ingestUrl?: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly adminKey?: string;
  readonly token?: string;
}

export interface Tools extends Io {
  readonly api: ApiClient;
  readonly output: Output;
  readonly options: GlobalOptions;
}

export const defaultUrl = "http://localhost:8080";

/** Returns the tools of an action, according to the global options of its command line. */
export function toolsOf(io: Io, command: Command): Tools {
  const options = command.optsWithGlobals<GlobalOptions>();
  const url = options.url ?? readLocalStack()?.url ?? defaultUrl;
  return {
    ...io,
    options,
    output: createOutput(io, options),
    api: createApiClient({
      url,
      ingestUrl: options.ingestUrl,
      key: keyOf(options),
      adminKey: secret(options.adminKey),
    }),
  };
}

/** Returns the key that the options name, itself or by its file. */
export function keyOf({ key, keyFile }: GlobalOptions): string | undefined {
  return secret(key) ?? secret(keyFile);
}

/** A variable that is set to nothing is not set. */
export function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

function secret(text: string | undefined): string | undefined {
  return isSet(text) ? text : undefined;
}

/** Parses an argument: a UUID. */
export function token(text: string): string {
  const parsed = applicationTokenSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("It must be an application token, a UUID.");
  return parsed.data;
}

/** Parses an argument: the number of a chat or a message. */
export function number(text: string): number {
  const parsed = numberSchema.safeParse(/^\d{1,10}$/.test(text) ? Number(text) : undefined);
  if (!parsed.success) throw new InvalidArgumentError("It must be a whole number from 1.");
  return parsed.data;
}

/** Parses an argument: a number of days from 0. */
export function days(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number of days.");
  return Number(text);
}

/** Parses an option: a value as JSON. An object is sent as it was given. */
export function json(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? new JsonText(text) : value;
  } catch {
    throw new InvalidArgumentError('It must be JSON, such as {"colour": "blue"}.');
  }
}

/** Parses an option: a number of seconds, also with a fraction. */
export function seconds(text: string): number {
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text))
    throw new InvalidArgumentError("It must be a number of seconds, such as 1 or 0.5.");
  return Number(text);
}

/** Parses an option: a duration such as 500ms, 30s or 5m, in milliseconds. */
export function duration(text: string): number {
  const parsed = /[a-z]$/.test(text) ? durationMs().safeParse(text) : undefined;
  if (parsed?.success !== true) throw new InvalidArgumentError("It must be a duration, such as 500ms, 30s or 5m.");
  return parsed.data;
}

/** Parses an option: a time, or a duration after now. */
export function future(text: string): Date {
  return timeFrom(text, 1, "90d");
}

/** Parses an option: a time, or a duration before now. */
export function past(text: string): Date {
  return timeFrom(text, -1, "24h");
}

function timeFrom(text: string, direction: 1 | -1, example: string): Date {
  const time = /^\d{4}-/.test(text) ? new Date(text) : new Date(Date.now() + direction * duration(text));
  if (Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError(`It must be a time such as 2027-01-01T00:00:00Z, or a duration such as ${example}.`);
  }
  return time;
}

/** Parses an option: an http(s) address. */
export function httpUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? ""))
    throw new InvalidArgumentError("It must be an http:// or https:// address.");
  return text;
}
