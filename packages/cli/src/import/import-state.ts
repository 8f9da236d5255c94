import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { CommandError } from "../errors.ts";

const stateSchema = z.object({
  sha256: z.string(),
  url: z.string(),
  saved_at: z.iso.datetime(),
  finished: z.boolean(),
  /** Tokens by the applications' names. */
  applications: z.array(z.tuple([z.string(), z.string()])).transform((entries) => new Map(entries)),
  /** Everything up to this line is there. */
  lines_done: z.int(),
  messages_done: z.int(),
  /** Of the lines after that: the chat's number, how many of its messages are there, and the number of the last of them. */
  chats: z
    .array(z.tuple([z.int(), z.object({ number: z.int(), sent: z.int(), last: z.int() })]))
    .transform((entries) => new Map(entries)),
});

/** What is known of an import that was begun: kept beside the file, so that it can go on where it ended. */
export type ImportState = z.infer<typeof stateSchema>;

export function newState(sha256: string, url: string): ImportState {
  const saved_at = new Date().toISOString();
  const [applications, chats] = [
    new Map<string, string>(),
    new Map<number, { number: number; sent: number; last: number }>(),
  ];
  return { sha256, url, saved_at, finished: false, applications, lines_done: 0, messages_done: 0, chats };
}

/** The state that was kept for this very content and server; undefined where there is none. */
export async function loadState(file: string, sha256: string, url: string): Promise<ImportState | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return undefined;
  }
  const parsed = stateSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new CommandError("usage", `${file} is not the state of an import: remove it or use --restart.`);
  return parsed.data.sha256 === sha256 && parsed.data.url === url ? parsed.data : undefined;
}

/** Replaces the file as a whole, so that a crash leaves the old or the new one. */
export async function saveState(file: string, state: ImportState): Promise<void> {
  try {
    const { applications, chats, ...rest } = { ...state, saved_at: new Date().toISOString() };
    await writeFile(`${file}.new`, JSON.stringify({ ...rest, applications: [...applications], chats: [...chats] }));
    await rename(`${file}.new`, file);
  } catch (error) {
    const sentence = `${file} cannot be written: name another place for the import's state with --state FILE.`;
    throw new CommandError("usage", sentence, { cause: error });
  }
}
