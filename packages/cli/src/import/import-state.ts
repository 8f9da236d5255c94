import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { CommandError } from "../errors.ts";

const progressSchema = z.object({
  number: z.int(),
  /** Time of the chat's creation in milliseconds since 1970. */
  createdMs: z.int(),
  /** Number of the chat's messages that were accepted. */
  sent: z.int(),
  /** Message number of the last accepted message. */
  last: z.int(),
});
export type ChatProgress = z.infer<typeof progressSchema>;

const stateSchema = z.object({
  sha256: z.string(),
  url: z.string(),
  saved_at: z.iso.datetime(),
  finished: z.boolean(),
  /** Random text that makes the idempotency keys of applications unguessable where requests carry no key. */
  secret: z.string(),
  /** Tokens of applications, by `applicationKey`. */
  applications: z.array(z.tuple([z.string(), z.string()])).transform((entries) => new Map(entries)),
  /** Number of the line up to which everything is imported. */
  lines_done: z.int(),
  messages_done: z.int(),
  /** Progress of the chats in later lines, by line number. */
  chats: z.array(z.tuple([z.int(), progressSchema])).transform((entries) => new Map(entries)),
});

/** Progress of an import, kept in a file so that the import can continue. */
export type ImportState = z.infer<typeof stateSchema>;

export function newState(sha256: string, url: string): ImportState {
  const saved_at = new Date().toISOString();
  const [applications, chats] = [new Map<string, string>(), new Map<number, ChatProgress>()];
  const secret = randomBytes(16).toString("hex");
  return { sha256, url, saved_at, finished: false, secret, applications, lines_done: 0, messages_done: 0, chats };
}

/**
 * Returns the saved state for this content and server, or undefined if there is none. Throws if `file` is not a state,
 * or if another version of the imported file was imported in part: a new start would send that part twice.
 */
export async function loadState(file: string, sha256: string, url: string): Promise<ImportState | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return undefined;
  }
  const parsed = stateSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new CommandError("usage", `${file} is not the state of an import. Remove it, or start again with --restart.`);
  const state = parsed.data;
  if (state.url !== url) return undefined;
  if (state.sha256 === sha256) return state;
  if (state.finished || state.applications.size === 0) return undefined;
  const what = `${file} belongs to an import of another version of this file, which is not complete.`;
  const advice = "Import that version again to continue it, or import this one into new applications with --restart.";
  throw new CommandError("usage", `${what} ${advice}`);
}

/** Replaces the whole file at once, so that a crash leaves either the old or the new file. */
async function saveState(file: string, state: ImportState): Promise<void> {
  try {
    const { applications, chats, ...rest } = { ...state, saved_at: new Date().toISOString() };
    await writeFile(`${file}.new`, JSON.stringify({ ...rest, applications: [...applications], chats: [...chats] }));
    await rename(`${file}.new`, file);
  } catch (error) {
    const sentence = `${file} cannot be written. Choose another file for the state of the import with --state FILE.`;
    throw new CommandError("usage", sentence, { cause: error });
  }
}

const saveIntervalMs = 1_000;

/** Saves the state every second while `work` changes it, and once more when `work` has ended. */
export async function savedWhile<T>(file: string, state: ImportState, work: () => Promise<T>): Promise<T> {
  await saveState(file, state);
  let saving = Promise.resolve();
  const timer = setInterval(() => {
    // A failed save only makes the next run slower. The last save reports a file that cannot be written.
    saving = saving.then(() => saveState(file, state)).catch(() => undefined);
  }, saveIntervalMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await saving;
    await saveState(file, state);
  }
}
