import { ConfigError, type Environment } from "@confab/runtime";
import { Argument, type Command } from "commander";
import { toolsOf } from "../command-tools.ts";
import { configurationPage } from "../configuration-page.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { loadServiceConfig, serviceNames, type ServiceConfig, type ServiceName } from "../service-config.ts";

/** `config check|doc`. */
export function addConfigCommands(program: Command, io: Io): void {
  const config = program.command("config").description("the services' environment variables");

  config
    .command("check")
    .description("say everything that is wrong with the present environment")
    .addArgument(new Argument("[service]", "only this one").choices(serviceNames))
    .action(async (service: ServiceName | undefined, _options, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const checked: { service: ServiceName; problems: ConfigError["problems"] }[] = [];
      for (const name of service === undefined ? serviceNames : [service]) {
        checked.push({ service: name, problems: problemsOf(await loadServiceConfig(name), env) });
      }
      output.result(checked, () =>
        checked
          .map(({ service, problems }) =>
            [
              `${service}: ${problems.length === 0 ? "usable" : "not usable"}`,
              ...problems.map(({ name, message }) => `  ${name}: ${message}`),
            ].join("\n"),
          )
          .join("\n"),
      );
      const count = checked.reduce((total, { problems }) => total + problems.length, 0);
      if (count > 0) throw new CommandError("configuration", `The configuration has ${count} problems.`);
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

function problemsOf({ load }: ServiceConfig, env: Environment): ConfigError["problems"] {
  try {
    load(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
