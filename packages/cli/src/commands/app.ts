import { randomUUID } from "node:crypto";
import type { Application } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { number, token, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";

/** `app create|list|show`. */
export function addAppCommands(program: Command, io: Io): void {
  const app = program.command("app").description("applications");

  app
    .command("create")
    .description("create an application and show its token")
    .argument("<name>", "1 to 255 characters")
    .action(async (name: string, _options, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const { body } = await api.call("createApplication", { body: { name }, idempotencyKey: randomUUID() });
      output.result(body, () => view([body]));
    });

  app
    .command("list")
    .description("list applications, oldest first")
    .option("--limit <n>", "how many at the most", number, 50)
    .option("--all", "all of them")
    .action(async ({ limit, all }: { limit: number; all?: boolean }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const found = await listed(pages(api, "listApplications", { limit: all === true ? Infinity : limit }));
      output.result(found, () => view(found));
    });

  app
    .command("show")
    .description("show an application")
    .argument("<token>", "the application's token", token)
    .action(async (of: string, _options, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const { body } = await api.call("getApplication", { params: { token: of } });
      output.result(body, () => view([body]));
    });
}

function view(applications: readonly Application[]): string {
  return table(
    ["TOKEN", "NAME", "CHATS", "CREATED"],
    applications.map((application) => [
      application.token,
      application.name,
      application.chats_count,
      application.created_at,
    ]),
  );
}
