import { createHash } from "node:crypto";
import type { Command } from "commander";
import { number, seconds, toolsOf, type Tools } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import { checkFile, readConversations, type FileSummary } from "../import/conversation-file.ts";
import { importConversations, type ImportResult } from "../import/import-conversations.ts";
import { loadState, newState, saveState, type ImportState } from "../import/import-state.ts";
import { showProgress } from "../import/progress.ts";
import type { Io } from "../io.ts";
import { Refused } from "../api-errors.ts";

interface ImportCommandOptions {
  concurrency: number;
  patience: number;
  state?: string;
  restart?: boolean;
  copy?: string;
}

const SAVE_EVERY_MS = 1_000;
/** Idempotency keys are remembered for 24 hours: what was on its way when an import ended can be repeated for so long. */
const RESUMABLE_MS = 23 * 3_600_000;
const MOST_SHOWN = 20;

/** `import FILE.ndjson`. */
export function addImportCommand(program: Command, io: Io): void {
  program
    .command("import")
    .description(
      'import conversations, one chat a line: {"application": NAME, "chat": NAME, "messages": ["…", …]}. The file is checked first; run the same command again to go on after an interruption',
    )
    .argument("<file>", "an NDJSON file")
    .option("--concurrency <n>", "requests with messages in flight", number, 4)
    .option("--patience <seconds>", "give up when nothing has succeeded for so long", seconds, 120)
    .option("--state <file>", "where to keep how far it is (default: FILE.import-state.json)")
    .option("--restart", "forget how far an earlier run came")
    .option("--copy <name>", "import the file once more, apart from its other imports")
    .action(async (file: string, options: ImportCommandOptions, command: Command) => {
      await runImport(file, options, toolsOf(io, command));
    });
}

async function runImport(file: string, options: ImportCommandOptions, tools: Tools): Promise<void> {
  const { api, output } = tools;
  const summary = await checkFile(file);
  const { copy = "" } = options;
  const identity = createHash("sha256").update(`${summary.sha256}\n${copy}`).digest("hex");
  const stateFile = options.state ?? `${file}${copy === "" ? "" : `.${copy}`}.import-state.json`;
  const earlier = options.restart === true ? undefined : await stateToResume(stateFile, identity, tools);
  const state = earlier ?? newState(identity, api.url);
  if (state.finished) output.note(`${file} is imported already: --copy NAME imports it once more`);
  else if (state.messages_done > 0) output.note(`going on after ${state.messages_done} messages`);

  const [started, before] = [performance.now(), state.messages_done];
  const progress =
    tools.options.quiet === true ? undefined : showProgress(tools, summary.messages, () => state.messages_done);
  let result: ImportResult;
  try {
    result = await savedWhile(stateFile, state, async () => {
      const imported = await importConversations({
        api,
        conversations: readConversations(file, state.lines_done),
        state,
        keyPrefix: `import-${identity.slice(0, 32)}`,
        concurrency: Math.min(options.concurrency, 64),
        patienceMs: options.patience * 1000,
      });
      state.finished = imported.failures.length === 0;
      return imported;
    });
  } finally {
    progress?.stop();
  }
  report(tools, { summary, state, result, sent: state.messages_done - before, elapsedMs: performance.now() - started });
}

/** The state of an earlier run, unless what it tells of is no longer there. */
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
      output.note(`${stateFile} tells of applications that are gone: importing anew`);
      return undefined;
    }
  }
  if (!state.finished && Date.now() - Date.parse(state.saved_at) > RESUMABLE_MS) {
    const what = "The earlier import was interrupted a day ago, so what was on its way then could be sent twice:";
    throw new CommandError("usage", `${what} import anew with --copy NAME, or without the state of it with --restart.`);
  }
  return state;
}

async function savedWhile<T>(stateFile: string, state: ImportState, work: () => Promise<T>): Promise<T> {
  await saveState(stateFile, state);
  let saving = Promise.resolve();
  const timer = setInterval(() => {
    // A state that is a little old is only slower; the last save tells when it cannot be written.
    saving = saving.then(() => saveState(stateFile, state)).catch(() => undefined);
  }, SAVE_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await saving;
    await saveState(stateFile, state);
  }
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
  output.result({ applications, chats, messages, sent, missing, seconds, rate, retries, failures }, () =>
    [
      `${applications} applications, ${chats} chats, ${messages} messages: ${missing === 0 ? "all there" : `${missing} MISSING`}`,
      `${sent} sent in ${seconds} s, ${rate}/s, ${retries} retries`,
      ...failures.slice(0, MOST_SHOWN).map(({ line, reason }) => `  line ${line}: ${reason}`),
    ].join("\n"),
  );
  if (failures.length > 0 || missing !== 0) {
    throw new CommandError("refused", `${failures.length} of ${chats} chats are not imported whole.`);
  }
}
