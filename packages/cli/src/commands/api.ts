import { randomUUID } from "node:crypto";
import { text as readAll } from "node:stream/consumers";
import { isList, JsonText, pathParameters, routes, type Route, type RouteName } from "@confab/contracts";
import { createUuid7 } from "@confab/runtime/uuid7";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { z } from "zod";
import { listed, pages, type ApiClient, type CallOptions } from "../api-client.ts";
import { json, number, toolsOf, type GlobalOptions } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { columns, shortened, table } from "../output.ts";

interface ApiOptions {
  readonly all?: boolean;
  readonly data?: string;
  readonly idempotencyKey?: string;
  readonly ifMatch?: string;
}

/** `tail` reads streams. */
const operations = Object.entries(routes as Record<string, Route>).filter(([, { success }]) => success.stream !== true);

/** `api [OPERATION] [--parameter VALUE ...] [--data JSON]`: a command for each route of the API. */
export function addApiCommand(program: Command, io: Io): void {
  const api = program
    .command("api")
    .description("call any operation of the API, with an option for each parameter; without an operation, list them")
    .argument("[operation]", "its name; --help after it shows its parameters")
    .allowUnknownOption()
    .allowExcessArguments()
    // The operations are the output of the command itself.
    .configureHelp({ visibleCommands: () => [] })
    .action((operation: string | undefined, _options, command: Command) => {
      if (operation !== undefined) {
        command.error(`error: unknown operation '${operation}'. \`confabctl api\` lists all operations.`);
      }
      const { output } = toolsOf(io, command);
      const list = operations.map(([name, { method, path, summary, scopes }]) => {
        return { operation: name, method: method.toUpperCase(), path, scopes, summary };
      });
      output.result(list, () =>
        table(
          ["OPERATION", "SCOPES", "SUMMARY"],
          list.map(({ operation: name, scopes, summary }) => [name, scopes.join(","), summary]),
        ),
      );
    });
  for (const [name, route] of operations) addOperation(api, name as RouteName, route, io);
}

function addOperation(api: Command, name: RouteName, route: Route, io: Io): void {
  const command = api.command(name).description(descriptionOf(route)).summary(route.summary);
  for (const parameter of route.params) {
    // The global option --token is this parameter.
    if (parameter === "token") continue;
    const { description } = pathParameters[parameter].schema;
    const option = new Option(`${optionOf(parameter)} <${parameter}>`, description).makeOptionMandatory();
    command.addOption(parameter === "chat" || parameter === "message" ? option.argParser(number) : option);
  }
  for (const [parameter, schema] of fieldsOf(route.query)) {
    const option = new Option(`${optionOf(parameter)} <value>`, schema.description);
    command.addOption(option.makeOptionMandatory(isRequired(schema)));
  }
  if (isPaged(route)) command.option("--all", "follow the pages to the end");
  if (route.body !== undefined) {
    const fields = fieldsOf(route.body.schema).map(([field, schema]) => (isRequired(schema) ? field : `[${field}]`));
    const description = `the body of the request, JSON; - reads it from standard input. Fields: ${fields.join(", ")}`;
    command.addOption(new Option("--data <json>", description).makeOptionMandatory(route.body.required));
  }
  if (route.idempotent === true) {
    command.option("--idempotency-key <key>", "repeating the request with the same key has no second effect");
  }
  if (route.versioned === true && route.method !== "get") {
    command.option("--if-match <tag>", "only if this is the ETag of what is changed");
  }
  if (route.destroys !== undefined) asksFirst(command);
  command.action(async () => {
    const tools = toolsOf(io, command);
    const options = command.opts<ApiOptions>();
    const data = options.data === "-" ? await readAll(io.stdin) : options.data;
    const destroys = route.destroys === true || (route.destroys !== undefined && hasField(data, route.destroys));
    const params = paramsOf(command, route, destroys);
    if (destroys) await expectConsent(io, command, () => `This calls ${name}: ${route.summary}.`);
    const request: CallOptions = {
      params,
      query: Object.fromEntries(fieldsOf(route.query).map(([field]) => [field, valueOf(command, field)])),
      tag: options.ifMatch,
      ...(data !== undefined && { body: bodyOf(data) }),
      ...(route.idempotent === true && { idempotencyKey: options.idempotencyKey ?? newKey(route) }),
    };
    const body = await answerOf(tools.api, name, request, options.all === true);
    tools.output.result(body ?? { done: true }, () => view(body));
  });
}

/** Returns the help of an operation: what it does, its request, and who may call it. */
function descriptionOf({ summary, description, method, path, scopes }: Route): string {
  const scope = scopes.length === 1 ? `the scope ${scopes[0]}` : `one of the scopes ${scopes.join(", ")}`;
  return `${summary}. ${description}\n\n${method.toUpperCase()} ${path}; a key needs ${scope}`;
}

/** `--key` is a global option, the secret itself. */
function optionOf(parameter: string): string {
  return parameter === "key" ? "--key-id" : `--${parameter.replaceAll("_", "-")}`;
}

function fieldsOf(schema: z.ZodObject | undefined): [name: string, schema: z.ZodType][] {
  return Object.entries<z.ZodType>(schema?.shape ?? {});
}

function isRequired(schema: z.ZodType): boolean {
  return !schema.safeParse(undefined).success;
}

function isPaged(route: Route): boolean {
  return isList(route) && route.success.links?.includes("next") === true;
}

function hasField(data: string | undefined, field: string): boolean {
  const body = data === undefined ? undefined : bodyOf(data);
  return body instanceof JsonText && Object.hasOwn(JSON.parse(body.text) as object, field);
}

/** Returns the parameters of the path. The command line itself must name the application if something is destroyed. */
function paramsOf(command: Command, { params }: Route, isNamed: boolean): Record<string, string | number> {
  return Object.fromEntries(
    params.map((parameter) => [
      parameter,
      parameter === "token" ? applicationOf(command, isNamed) : valueOf(command, parameter)!,
    ]),
  );
}

function valueOf(command: Command, parameter: string): string | number | undefined {
  const option = command.options.find(({ long }) => long === optionOf(parameter));
  return option && (command.getOptionValue(option.attributeName()) as string | number | undefined);
}

function applicationOf(command: Command, isNamed: boolean): string {
  const { token } = command.optsWithGlobals<GlobalOptions>();
  if (isNamed && command.getOptionValueSourceWithGlobals("token") !== "cli") {
    command.error(
      "error: no application is named. Set --token. This command destroys something, so CONFAB_TOKEN is not used.",
    );
  }
  return token ?? command.error("error: no application is named. Set --token or CONFAB_TOKEN.");
}

function bodyOf(data: string): unknown {
  try {
    return json(data);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new CommandError("usage", `--data cannot be read. ${error.message}`);
  }
}

/** Without an admin key, anybody who guessed the key of a new application would receive its token, so its bits must all be random. */
function newKey({ guard }: Route): string {
  return guard === "installation" ? randomUUID() : createUuid7();
}

async function answerOf(api: ApiClient, name: RouteName, request: CallOptions, isAll: boolean): Promise<unknown> {
  if (!isAll) return (await api.call(name, request)).body;
  return listed<unknown>(pages(api, name, request));
}

/** Lists become tables with a column for each field; long texts are cut there. Other answers become lines of name and value. */
function view(body: unknown): string {
  if (body === undefined) return "done";
  if (Array.isArray(body)) {
    const rows = body as Record<string, unknown>[];
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return table(
      names.map((name) => name.toUpperCase()),
      rows.map((row) => names.map((name) => shortened(cell(row[name])))),
    );
  }
  const fields = Object.entries(body as Record<string, unknown>).filter(([, value]) => value !== null);
  return columns(fields.map(([name, value]) => [name, cell(value)]));
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
