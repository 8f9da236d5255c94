import type { RetentionPreview } from "@confab/database";
import { InvalidArgumentError, type Command } from "commander";
import { onApplication } from "../application-arguments.ts";
import { days, number, token, toolsOf, type GlobalOptions } from "../command-tools.ts";
import { asksFirst, expectConsent } from "../consent.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { counted, inDays, table, type Output } from "../output.ts";
import { withDatabase } from "../stores.ts";

interface Totals {
  readonly messages: number;
  readonly oldest_at: string;
  readonly newest_at: string;
}

interface ApplicationTotals extends Totals {
  readonly application_token: string;
  readonly chats: readonly (Totals & {
    readonly chat_number: number;
    readonly retention_days: number;
    readonly of: "application" | "chat";
  })[];
}

/**
 * Adds `retention set`, which uses the API, and `retention preview`, for operators, which reads the database directly.
 */
export function addRetentionCommands(program: Command, io: Io): void {
  const retention = program.command("retention").description("limit the age of messages, and see what a limit deletes");

  onApplication(
    asksFirst(
      retention
        .command("set")
        .description(
          "delete the messages of an application or a chat that are older than a number of days, now and from now on. This cannot be undone: see what it deletes with retention preview first",
        ),
    ).option("--chat <n>", "only in this chat, which then does not follow its application", number),
    [{ name: "days", description: 'a number of days, "none", or for a chat "forever"', parse: limit }],
    async (application, [retentionDays], command) => {
      const { api, output } = toolsOf(io, command);
      const { chat } = command.opts<{ chat?: number }>();
      // A chat without a limit of its own follows its application, whose limit may delete messages.
      const deletes = retentionDays === null ? chat !== undefined : retentionDays > 0;
      if (deletes) await expectConsent(io, command, () => questionOf(application, retentionDays, chat));
      // An application without a limit keeps everything.
      const body = { retention_days: chat === undefined && retentionDays === 0 ? null : retentionDays };
      const { body: changed } =
        chat === undefined
          ? await api.call("updateApplication", { params: { token: application }, body })
          : await api.call("updateChat", { params: { token: application, chat }, body });
      output.result(changed, () => described(retentionDays, chat));
    },
    { isNamed: true },
  );

  retention
    .command("preview")
    .description(
      "count the messages that the limits in force would delete now, by application and chat. It deletes nothing",
    )
    .argument("[token]", "only this application", token)
    .option("--days <n>", "with this limit for the application. Chats with a limit of their own keep it", number)
    .action(async (given: string | undefined, options: { days?: number }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const application = given ?? command.optsWithGlobals<GlobalOptions>().token;
      if (options.days !== undefined && application === undefined) {
        command.error("error: --days needs an application. Put its token first, or set --token or CONFAB_TOKEN.");
      }
      const { createApplications, previewRetention } = await import("@confab/database");
      const applications = await withDatabase(env, async (database) => {
        if (application !== undefined && !(await createApplications(database).find(application))) {
          throw new CommandError("refused", "There is no application with this token.");
        }
        const found: RetentionPreview[] = [];
        for await (const chat of previewRetention(database, { token: application, days: options.days })) {
          found.push(chat);
        }
        return byApplication(found);
      });
      const messages = applications.reduce((sum, each) => sum + each.messages, 0);
      output.result({ messages, applications }, () => report(applications, output));
      output.note(`${counted(messages, "message")} would be deleted.`);
    });
}

function questionOf(application: string, retentionDays: number | null, chat: number | undefined): string {
  const owner = chat === undefined ? `application ${application}` : `chat ${chat} of application ${application}`;
  const old = retentionDays === null ? "the limit of its application" : inDays(retentionDays);
  const preview = retentionDays === null || chat !== undefined ? "" : ` --days ${retentionDays}`;
  return `This deletes the messages of ${owner} that are older than ${old}. To count them first: confabctl retention preview ${application}${preview}.`;
}

function limit(text: string): number | null {
  if (text === "none") return null;
  if (text === "forever") return 0;
  if (text === "0")
    throw new InvalidArgumentError('It must be at least 1. To keep the messages of a chat, write "forever".');
  return days(text);
}

function described(retentionDays: number | null, chat: number | undefined): string {
  const owner = chat === undefined ? "the application" : `chat ${chat}`;
  if (retentionDays === null) {
    return chat === undefined ? `${owner} keeps its messages for ever` : `${owner} follows its application`;
  }
  if (retentionDays === 0) return `${owner} keeps its messages for ever`;
  return `${owner} keeps its messages for ${inDays(retentionDays)}`;
}

function byApplication(found: readonly RetentionPreview[]): ApplicationTotals[] {
  return [...Map.groupBy(found, ({ token: application }) => application)].map(([application, chats]) => ({
    application_token: application,
    ...totals(chats),
    chats: chats.map((chat) => ({
      chat_number: chat.chatNumber,
      retention_days: chat.days,
      of: chat.isOwn ? ("chat" as const) : ("application" as const),
      ...totals([chat]),
    })),
  }));
}

function totals(chats: readonly RetentionPreview[]): Totals {
  const times = (at: "oldest" | "newest"): number[] => chats.map((chat) => chat[at].getTime());
  return {
    messages: chats.reduce((sum, { messages }) => sum + messages, 0),
    oldest_at: new Date(times("oldest").reduce((a, b) => Math.min(a, b))).toISOString(),
    newest_at: new Date(times("newest").reduce((a, b) => Math.max(a, b))).toISOString(),
  };
}

function report(applications: readonly ApplicationTotals[], { time }: Output): string {
  const times = ({ oldest_at, newest_at }: Totals): string[] => [time(oldest_at), time(newest_at)];
  return table(
    ["APPLICATION", "CHAT", "LIMIT", "MESSAGES", "OLDEST", "NEWEST"],
    applications.flatMap((application) => [
      [application.application_token, "all", "", application.messages, ...times(application)],
      ...application.chats.map((chat) => [
        "",
        chat.chat_number,
        `${inDays(chat.retention_days)} (${chat.of})`,
        chat.messages,
        ...times(chat),
      ]),
    ]),
  );
}
