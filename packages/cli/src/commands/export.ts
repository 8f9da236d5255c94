import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { encodeOtherFields, type Application, type Chat, type Message } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages, type ApiClient } from "../api-client.ts";
import { token, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import { parseExactly } from "../exact-json.ts";
import type { Io } from "../io.ts";
import { counted } from "../output.ts";

interface ExportOptions {
  readonly application?: string;
  readonly output?: string;
  readonly times?: boolean;
}

const chatsAtOnce = 8;

/** Adds `export`, which writes the input of `import`. */
export function addExportCommand(program: Command, io: Io): void {
  program
    .command("export")
    .description(
      "write conversations as NDJSON, one chat per line, in the format of `import`. This is not a backup: numbers and deleted messages are left out",
    )
    .option("--application <token>", "export only this application (default: all, which requires the admin key)", token)
    .option("--times", "also write when each message was sent; importing that needs the scope import")
    .option("--output <file>", "write to a file instead of standard output")
    .action(async (options: ExportOptions, command: Command) => {
      const { api, output, stdout } = toolsOf(io, command);
      const file = options.output === undefined ? undefined : await openFile(options.output);
      const target = file ?? stdout;
      const counts = { applications: 0, chats: 0, messages: 0, moved: 0 };
      try {
        for await (const application of applicationsOf(api, options.application)) {
          counts.applications += 1;
          for await (const { chat, messages } of conversationsOf(api, application)) {
            counts.chats += 1;
            counts.messages += messages.length;
            if (options.times === true) counts.moved += makeAscending(messages);
            await writeLine(target, {
              application: application.name,
              application_id: idOf(application),
              chat: chat.name,
              ...(chat.metadata !== null && { metadata: chat.metadata }),
              messages: toFile(messages, options.times === true),
            });
          }
        }
        if (file !== undefined) await finished(file.end());
      } catch (error) {
        throw error !== null && error === file?.errored ? unwritable(options.output!, error) : error;
      }
      const { applications, chats, messages, moved } = counts;
      const all = [counted(applications, "application"), counted(chats, "chat"), counted(messages, "message")];
      output.note(`${all.join(", ")} exported`);
      if (moved > 0) {
        const was = moved === 1 ? "was" : "were";
        output.note(`${counted(moved, "message")} ${was} earlier than the one before and ${was} given its time`);
      }
    });
}

async function* applicationsOf(api: ApiClient, only: string | undefined): AsyncGenerator<Application> {
  if (only !== undefined) yield (await api.call("getApplication", { params: { token: only } })).body;
  else for await (const page of pages(api, "listApplications", {})) yield* page;
}

/** Distinguishes applications of the same name without revealing the token, which opens the application where keys are not required. */
function idOf({ token }: Application): string {
  return createHash("sha256").update(token).digest("hex").slice(0, 16);
}

/** Yields the conversations in the order of the chats' numbers; some chats are read ahead. */
async function* conversationsOf(api: ApiClient, { token }: Application) {
  for await (const page of pages(api, "listChats", { params: { token } })) {
    for (let at = 0; at < page.length; at += chatsAtOnce) {
      yield* await Promise.all(page.slice(at, at + chatsAtOnce).map((chat) => conversation(api, token, chat)));
    }
  }
}

async function conversation(api: ApiClient, token: string, chat: Chat): Promise<{ chat: Chat; messages: Kept[] }> {
  const messages = await listed(pages(api, "listMessages", { params: { token, chat: chat.number } }));
  return { chat, messages: messages.filter(isKept) };
}

type Kept = Message & { body: string };

function isKept(message: Message): message is Kept {
  return message.body !== null;
}

/**
 * `import` requires ascending times, so a message that is earlier than the one before gets the other's time. This happens where
 * clocks differ, or where a batch request imported older messages later. Returns the number of changed messages.
 */
function makeAscending(messages: Kept[]): number {
  let changed = 0;
  let latest = "";
  for (const message of messages) {
    if (message.created_at < latest) {
      message.created_at = latest;
      changed += 1;
    }
    latest = message.created_at;
  }
  return changed;
}

/**
 * Returns the messages as `import` reads them: one with only a body is its body. A reply names a position in the list,
 * so one to a message that is left out is no reply any more.
 */
function toFile(messages: readonly Kept[], withTimes: boolean): unknown[] {
  const positions = new Map(messages.map(({ number }, at) => [number, at + 1]));
  return messages.map((message) => {
    const { body, reply_to, created_at } = message;
    const otherFields = encodeOtherFields({ ...message, reply_to: reply_to && positions.get(reply_to) });
    if (otherFields === "" && !withTimes) return body;
    return { body, ...(withTimes && { created_at }), ...(parseExactly(otherFields || "{}") as object) };
  });
}

/** Opens a file to write. A later error of the file is in `errored`. */
async function openFile(path: string): Promise<WriteStream> {
  const file = createWriteStream(path);
  try {
    await once(file, "open");
  } catch (error) {
    throw unwritable(path, error);
  }
  return file.on("error", () => undefined);
}

async function writeLine(target: Writable, value: unknown): Promise<void> {
  // An error while the API was read.
  if (target.errored) throw target.errored;
  if (!target.write(`${JSON.stringify(value)}\n`)) await once(target, "drain");
}

function unwritable(path: string, cause: unknown): CommandError {
  const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new CommandError("usage", `${path} cannot be written${code}. Choose another file with --output.`, { cause });
}
