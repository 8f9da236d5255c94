import { createHash } from "node:crypto";
import type { Command } from "commander";
import { Refused } from "../api-errors.ts";
import { isSet, keyOf, number, seconds, toolsOf, type Tools } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import { checkFile, readConversations, type FileSummary } from "../import/conversation-file.ts";
import { importConversations, type ImportResult } from "../import/import-conversations.ts";
import { loadState, newState, savedWhile, type ImportState } from "../import/import-state.ts";
import { showProgress } from "../import/progress.ts";
import { withInputFile } from "../import/standard-input.ts";
import { interruptible } from "../interruption.ts";
import type { Io } from "../io.ts";
import { counted } from "../output.ts";

interface ImportCommandOptions {
  readonly concurrency: number;
  readonly giveUpAfter: number;
  readonly state?: string;
  readonly restart?: boolean;
  readonly copy?: string;
}

/**
 * How long an interrupted import can be resumed. Confab remembers idempotency keys for 24 hours, so repeated requests
 * are safe until then.
 */
const resumableMs = 23 * 3_600_000;
const maxShown = 20;

/** Adds `import FILE.ndjson`. */
export function addImportCommand(program: Command, io: Io): void {
  program
    .command("import")
    .description(
      'import conversations, one chat per line: {"application": NAME, "chat": NAME, "messages": ["…", …]}. The whole file is checked first. After an interruption, run the same command again to continue',
    )
    .argument("<file>", "an NDJSON file; - reads standard input")
    .option("--concurrency <n>", "number of parallel requests that send messages", number, 4)
    .option("--give-up-after <seconds>", "stop if nothing has succeeded for this time", seconds, 120)
    .option("--state <file>", "file for the progress of the import (default: FILE.import-state.json)")
    .option("--restart", "ignore the progress of an earlier import")
    .option("--copy <name>", "import the same file once more, independently of its other imports")
    .action((given: string, options: ImportCommandOptions, command: Command) => {
      const tools = toolsOf(io, command);
      const name = given === "-" ? "standard input" : given;
      return withInputFile(given, io.stdin, (file) => runImport({ name, file }, options, tools));
    });
}

interface Input {
  /** Name of the file, as messages show it. */
  readonly name: string;
  readonly file: string;
}

async function runImport({ name, file }: Input, options: ImportCommandOptions, tools: Tools): Promise<void> {
  const { api, output } = tools;
  const summary = await checkFile(file, name);
  const { copy = "" } = options;
  const identity = createHash("sha256").update(`${summary.sha256}\n${copy}`).digest("hex");
  const stateFile = options.state ?? `${file}${copy === "" ? "" : `.${copy}`}.import-state.json`;
  const earlier = options.restart === true ? undefined : await stateToResume(stateFile, identity, tools);
  const state = earlier ?? newState(identity, api.url);
  if (state.finished) output.note(`${name} is already imported. To import it once more, use --copy NAME.`);
  else if (state.messages_done > 0) output.note(`Continuing after ${counted(state.messages_done, "message")}.`);

  const [started, before] = [performance.now(), state.messages_done];
  const howToContinue = `Interrupted. Run the same command again ${file === name ? "" : "with the same input "}to continue.`;
  const result = await interruptible(howToContinue, async (signal) => {
    const progress =
      tools.options.quiet === true ? undefined : await showProgress(tools, summary.messages, () => state.messages_done);
    // The progress display stops at once, because a second Ctrl-C ends the process without any cleanup.
    signal.addEventListener("abort", () => progress?.stop());
    try {
      return await savedWhile(stateFile, state, async () => {
        const imported = await importConversations({
          api,
          conversations: readConversations(file, state.lines_done),
          state,
          keyPrefix: `import-${identity.slice(0, 32)}`,
          hasKey: isSet(tools.options.adminKey) || keyOf(tools.options) !== undefined,
          concurrency: Math.min(options.concurrency, 64),
          timeoutMs: options.giveUpAfter * 1000,
          signal,
        });
        state.finished = imported.failures.length === 0;
        return imported;
      });
    } finally {
      progress?.stop();
    }
  });
  report(tools, { summary, state, result, sent: state.messages_done - before, elapsedMs: performance.now() - started });
}

/**
 * Returns the state of an earlier run, or undefined if there is none or its applications were deleted. Throws if that
 * run is too old to be resumed.
 */
async function stateToResume(
  stateFile: string,
  identity: string,
  { api, output }: Tools,
): Promise<ImportState | undefined> {
  const state = await loadState(stateFile, identity, api.url);
  if (state === undefined) return undefined;
  const [token] = state.applications.values();
  if (token !== undefined) {
    try {
      await api.call("getApplication", { params: { token } });
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
      output.note(`${stateFile} refers to applications that no longer exist. Starting the import from the beginning.`);
      return undefined;
    }
  }
  const oldest = Math.min(
    Date.parse(state.saved_at),
    ...Array.from(state.chats.values(), ({ createdMs }) => createdMs),
  );
  if (!state.finished && Date.now() - oldest > resumableMs) {
    const what = "The earlier import was interrupted more than 23 hours ago, so its last messages could be sent twice.";
    const advice = "Import the file into new applications with --copy NAME, or accept duplicates with --restart.";
    throw new CommandError("usage", `${what} ${advice}`);
  }
  return state;
}

interface Report {
  readonly summary: FileSummary;
  readonly state: ImportState;
  readonly result: ImportResult;
  readonly sent: number;
  readonly elapsedMs: number;
}

function report({ output }: Tools, { summary, state, result, sent, elapsedMs }: Report): void {
  const { applications, chats, messages } = summary;
  const seconds = Math.round(elapsedMs) / 1000;
  const rate = seconds > 0 ? Math.round(sent / seconds) : 0;
  const missing = messages - state.messages_done;
  const { retries, failures } = result;
  output.result({ applications, chats, messages, sent, missing, seconds, rate, retries, failures }, () => {
    const all = [counted(applications, "application"), counted(chats, "chat"), counted(messages, "message")];
    return [
      `${all.join(", ")}: ${missing === 0 ? "all imported" : `${missing} MISSING`}`,
      `${sent} sent in ${seconds} s (${rate} per second), ${retries === 1 ? "1 retry" : `${retries} retries`}`,
      ...failures.slice(0, maxShown).map(({ line, reason }) => `  line ${line}: ${reason}`),
    ].join("\n");
  });
  if (failures.length > 0 || missing !== 0) {
    const sentence = `${failures.length} of ${counted(chats, "chat")} could not be imported completely.`;
    throw new CommandError("refused", `${sentence} Correct the cause and run the same command again.`);
  }
}
