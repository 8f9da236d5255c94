import {
  ConfigError,
  configurationPage,
  serviceNames,
  services,
  type Environment,
  type ServiceName,
} from "@confab/config";
import { Argument, type Command } from "commander";
import { checkStores, settingsTable } from "../check-stores.ts";
import { toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { counted } from "../output.ts";
import { withLocalStores } from "../stores.ts";

/** Adds `config check|doc`. */
export function addConfigCommands(program: Command, io: Io): void {
  const config = program.command("config").description("check and describe the environment variables of the services");

  config
    .command("check")
    .description("list every problem of the current environment")
    .addArgument(new Argument("[service]", "check only this service").choices(serviceNames))
    .option("--stores", "also check the settings of Redis and of the database that the promises depend on")
    .action(async (service: ServiceName | undefined, options: { stores?: boolean }, command: Command) => {
      const tools = toolsOf(io, command);
      const { output } = tools;
      const env = options.stores === true ? withLocalStores(tools.env) : tools.env;
      const names = service === undefined ? serviceNames : [service];
      const checked = names.map((name) => ({
        service: name,
        variables: Object.keys(services[name].variables.shape),
        problems: problemsOf(name, env),
      }));
      const count = checked.reduce((total, { problems }) => total + problems.length, 0);
      if (options.stores !== true || count > 0) {
        output.result(checked, () => servicesText(checked));
        if (count > 0) throw new CommandError("configuration", `The configuration has ${counted(count, "problem")}.`);
        return;
      }
      const { settings, failure } = await checkStores(env);
      output.result({ services: checked, settings }, () => `${servicesText(checked)}\n\n${settingsTable(settings)}`);
      if (failure !== undefined) throw failure;
    });

  config
    .command("doc")
    .description("describe every variable, in Markdown")
    .action((_options, command: Command) => {
      const { output } = toolsOf(io, command);
      output.result({ markdown: configurationPage() }, configurationPage);
    });
}

interface Checked {
  readonly service: ServiceName;
  /** Names of the variables in the service's schema. */
  readonly variables: readonly string[];
  readonly problems: ConfigError["problems"];
}

function servicesText(checked: readonly Checked[]): string {
  return checked
    .map(({ service, problems }) =>
      [
        `${service}: ${problems.length === 0 ? "usable" : "not usable"}`,
        ...problems.map(({ name, message }) => `  ${name}: ${message}`),
      ].join("\n"),
    )
    .join("\n");
}

function problemsOf(service: ServiceName, env: Environment): ConfigError["problems"] {
  try {
    services[service].load(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
