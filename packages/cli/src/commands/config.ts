import { ConfigError, type Environment } from "@confab/runtime";
import { Argument, type Command } from "commander";
import { toolsOf } from "../command-tools.ts";
import { configurationPage } from "../configuration-page.ts";
import { checkStores, settingsTable } from "../check-stores.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { loadServiceConfig, serviceNames, type ServiceConfig, type ServiceName } from "../service-config.ts";
import { withLocalStores } from "../stores.ts";

/** `config check|doc`. */
export function addConfigCommands(program: Command, io: Io): void {
  const config = program.command("config").description("the services' environment variables");

  config
    .command("check")
    .description("say everything that is wrong with the present environment")
    .addArgument(new Argument("[service]", "only this one").choices(serviceNames))
    .option("--stores", "also how Redis and the database are set, and which promise depends on it")
    .action(async (service: ServiceName | undefined, options: { stores?: boolean }, command: Command) => {
      const tools = toolsOf(io, command);
      const { output } = tools;
      const env = options.stores === true ? withLocalStores(tools.env) : tools.env;
      const checked = await checkServices(service === undefined ? serviceNames : [service], env);
      const count = checked.reduce((total, { problems }) => total + problems.length, 0);
      if (options.stores !== true || count > 0) {
        output.result(checked, () => servicesText(checked));
        if (count > 0) throw new CommandError("configuration", `The configuration has ${count} problems.`);
        return;
      }
      const { settings, failure } = await checkStores(env);
      output.result({ services: checked, settings }, () => `${servicesText(checked)}\n\n${settingsTable(settings)}`);
      if (failure !== undefined) throw failure;
    });

  config
    .command("doc")
    .description("describe every variable, in Markdown")
    .action(async (_options, command: Command) => {
      const { output } = toolsOf(io, command);
      const page = configurationPage(await Promise.all(serviceNames.map(loadServiceConfig)));
      output.result({ markdown: page }, () => page);
    });
}

interface Checked {
  readonly service: ServiceName;
  /** The names in its schema. */
  readonly variables: readonly string[];
  readonly problems: ConfigError["problems"];
}

async function checkServices(names: readonly ServiceName[], env: Environment): Promise<Checked[]> {
  const configs = await Promise.all(names.map(loadServiceConfig));
  return configs.map((config) => ({
    service: config.name,
    variables: Object.keys(config.schema.shape),
    problems: problemsOf(config, env),
  }));
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

function problemsOf({ load }: ServiceConfig, env: Environment): ConfigError["problems"] {
  try {
    load(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
