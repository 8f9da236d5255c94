import { randomUUID } from "node:crypto";
import type { Application } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { onApplication } from "../application-arguments.ts";
import { number, toolsOf } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import { inWords, previewDeletion } from "../deletion-preview.ts";
import type { Io } from "../io.ts";
import { inDays, table, type Output } from "../output.ts";

/** Adds `app create|list|show|delete`. */
export function addAppCommands(program: Command, io: Io): void {
  const app = program.command("app").description("create, list, show and delete applications");

  app
    .command("create")
    .description("create an application and show its token")
    .argument("<name>", "1 to 255 characters")
    .option("--retention-days <n>", "delete messages that are older", number)
    .action(async (name: string, { retentionDays }: { retentionDays?: number }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const { body } = await api.call("createApplication", {
        body: { name, retention_days: retentionDays },
        // Without an admin key, whoever guessed the key would receive the token, so its bits must all be random.
        idempotencyKey: randomUUID(),
      });
      output.result(body, () => view([body], output));
    });

  app
    .command("list")
    .description("list applications, oldest first")
    .option("--limit <n>", "maximum number of applications", number, 50)
    .option("--all", "list all applications")
    .action(async ({ limit, all }: { limit: number; all?: boolean }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const found = await listed(pages(api, "listApplications", { limit: all === true ? Infinity : limit }));
      output.result(found, () => view(found, output));
    });

  onApplication(app.command("show").description("show an application"), [], async (token, _values, command) => {
    const { api, output } = toolsOf(io, command);
    const { body } = await api.call("getApplication", { params: { token } });
    output.result(body, () => view([body], output));
  });

  onApplication(
    asksFirst(
      app.command("delete").description("delete an application and erase everything in it. This cannot be undone"),
    ).option("--dry-run", "only count what would be deleted"),
    [],
    async (token, _values, command) => {
      const { api, output } = toolsOf(io, command);
      if (command.opts<{ dryRun?: boolean }>().dryRun === true) {
        const doomed = await previewDeletion(api, token);
        output.result(
          { application_token: token, ...doomed },
          () => `would delete ${inWords("the application", doomed)}`,
        );
        return;
      }
      await expectConsent(io, command, async () => {
        return `This deletes ${inWords("the application", await previewDeletion(api, token))}.`;
      });
      await api.call("deleteApplication", { params: { token } });
      output.result({ deleted: token }, () => `application ${token} deleted`);
    },
    { isNamed: true },
  );
}

function view(applications: readonly Application[], { time }: Output): string {
  return table(
    ["TOKEN", "NAME", "CHATS", "RETENTION", "CREATED", "UPDATED"],
    applications.map(({ token, name, chats_count, retention_days, created_at, updated_at }) => [
      token,
      name,
      chats_count,
      inDays(retention_days),
      time(created_at),
      time(updated_at),
    ]),
  );
}
