import { InvalidArgumentError, type Command } from "commander";
import { applicationTokenSchema } from "@confab/contracts";
import { number, token, type GlobalOptions } from "./command-tools.ts";

export interface Operand<T> {
  readonly name: string;
  readonly description: string;
  /** Parses the operand. Throws commander's InvalidArgumentError. */
  readonly parse: (text: string) => T;
  /** Whether the operand is free text, which may contain spaces and may even look like a token. */
  readonly isText?: boolean;
  /** Returns whether these options allow the operand to be left out. Only the last operand can be optional. */
  readonly isOptional?: (options: Record<string, unknown>) => boolean;
}

type Operands<Values extends readonly unknown[]> = { readonly [Index in keyof Values]: Operand<Values[Index]> };

export const chatOperand: Operand<number> = { name: "chat", description: "the number of the chat", parse: number };
export const messageOperand: Operand<number> = {
  name: "message",
  description: "the number of the message",
  parse: number,
};

export function textOperand(name: string, description: string): Operand<string> {
  return { name, description, parse: String, isText: true };
}

export interface Naming {
  /** Whether the command line itself must name the application, because the command destroys something. */
  readonly isNamed?: boolean;
}

/**
 * Declares the operands `[token] <…>`. Commander does not allow an optional operand before required ones, so all
 * operands are optional for commander, and `applicationArguments` checks them.
 */
export function declareApplicationArguments(
  command: Command,
  operands: readonly Operand<unknown>[],
  { isNamed = false }: Naming = {},
): Command {
  command
    .usage(["[options]", isNamed ? "<token>" : "[token]", ...operands.map(({ name }) => `<${name}>`)].join(" "))
    .argument(
      "[token]",
      isNamed
        ? "the application's token, always: CONFAB_TOKEN is not used"
        : "the application's token; leave it out if --token or CONFAB_TOKEN names the application",
    )
    .allowExcessArguments();
  for (const { name, description } of operands) command.argument(`[${name}]`, description);
  return command;
}

/** Declares the operands and the action of a command that works on an application. */
export function onApplication<const Values extends readonly unknown[]>(
  command: Command,
  operands: Operands<Values>,
  action: (application: string, values: Values, command: Command) => Promise<void>,
  naming: Naming = {},
): Command {
  return declareApplicationArguments(command, operands, naming).action(async () => {
    const [application, values] = applicationArguments(command, operands, naming);
    await action(application, values, command);
  });
}

/**
 * Works like `onApplication`, but for a command that works on an application or, with `--admin`, on the installation.
 * With `--admin`, the action receives null instead of a token.
 */
export function onOwner<const Values extends readonly unknown[]>(
  command: Command,
  operands: Operands<Values>,
  action: (application: string | null, values: Values, command: Command) => Promise<void>,
  naming: Naming = {},
): Command {
  return declareApplicationArguments(command, operands, naming)
    .option("--admin", "concerns the installation instead of an application: admin keys")
    .action(async () => {
      const [application, values] =
        command.opts<{ admin?: boolean }>().admin === true
          ? ([null, operandValues(command, operands, command.args)] as const)
          : applicationArguments(command, operands, naming);
      await action(application, values, command);
    });
}

/**
 * Returns the token of the application and the parsed operands. Throws a usage error if they do not match the
 * declaration.
 */
export function applicationArguments<const Values extends readonly unknown[]>(
  command: Command,
  declared: Operands<Values>,
  { isNamed = false }: Naming = {},
): [application: string, values: Values] {
  const { args } = command;
  const isUsable = !isNamed || command.getOptionValueSourceWithGlobals("token") === "cli";
  const fallback = isUsable ? command.optsWithGlobals<GlobalOptions>().token : undefined;
  const operands = givenOperands(command, declared, fallback);
  const isLonger = args.length > operands.length;
  const isLed =
    operands.length === 0 || operands[0]?.isText === true
      ? isLonger
      : isToken(args[0]) || (fallback === undefined && isLonger);
  const application = isLed ? valueOf(command, { name: "token", parse: token }, args[0]!) : fallback;
  if (application === undefined) {
    command.error(
      isNamed
        ? "error: no application is named. Put its token first. This command destroys something, so CONFAB_TOKEN is not used."
        : "error: no application is named. Put its token first, or set --token or CONFAB_TOKEN.",
    );
  }
  return [application, operandValues(command, operands as Operands<Values>, isLed ? args.slice(1) : args)];
}

/** Returns the declared operands, without the last one if it may be left out and was. */
function givenOperands(
  command: Command,
  operands: readonly Operand<unknown>[],
  fallback: string | undefined,
): readonly Operand<unknown>[] {
  if (operands.at(-1)?.isOptional?.(command.opts()) !== true) return operands;
  const { args } = command;
  const required = operands.slice(0, -1);
  const hasToken = fallback === undefined || (required.length > 0 && isToken(args[0]));
  return args.length === required.length + (hasToken ? 1 : 0) ? required : operands;
}

function operandValues<const Values extends readonly unknown[]>(
  command: Command,
  declared: Operands<Values>,
  given: readonly string[],
): Values {
  const operands = declared as readonly Operand<unknown>[];
  const missing = operands[given.length];
  if (missing !== undefined) command.error(`error: missing required argument '${missing.name}'`);
  const values = operands.map((operand, index) => valueOf(command, operand, given[index]!));
  if (given.length > operands.length) command.error(`error: too many arguments.${quotingHint(operands, given)}`);
  return values as unknown as Values;
}

function isToken(text: string | undefined): boolean {
  return applicationTokenSchema.safeParse(text).success;
}

function quotingHint(operands: readonly Operand<unknown>[], given: readonly string[]): string {
  const last = operands.at(-1);
  if (last?.isText !== true) return "";
  return ` If the ${last.name} has several words, put it in quotes: "${given.slice(operands.length - 1).join(" ")}".`;
}

function valueOf<T>(command: Command, { name, parse }: Pick<Operand<T>, "name" | "parse">, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return command.error(`error: '${text}' is not valid for the argument '${name}'. ${error.message}`);
  }
}
