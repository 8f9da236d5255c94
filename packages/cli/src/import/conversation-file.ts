import { createHash } from "node:crypto";
import { batchItemSchema, contentInput, createChatSchema, nameSchema, toJsonText } from "@confab/contracts";
import { z } from "zod";
import { CommandError } from "../errors.ts";
import { parseExactly } from "../exact-json.ts";
import { counted } from "../output.ts";
import { readLines } from "./ndjson-lines.ts";

/** Returns a schema that turns an object of the file into the text that is sent. */
function asText<Schema extends z.ZodType>(schema: Schema) {
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
  return z.preprocess((value) => (isObject(value) && !Array.isArray(value) ? toJsonText(value) : value), schema);
}

/** A message that has only a body may be written as its body. */
const fileMessageSchema = z.preprocess(
  (value) => (typeof value === "object" ? value : { body: value }),
  z.strictObject(
    { ...contentInput, metadata: asText(contentInput.metadata), created_at: batchItemSchema.shape.created_at },
    { error: ({ code }) => (code === "invalid_type" ? "must be a string or an object" : undefined) },
  ),
);

export type FileMessage = z.infer<typeof fileMessageSchema>;

/**
 * One line of a conversation file, what `export` writes and `import` reads: a chat with its messages in order. The first
 * message of a chat gets number 1, so `reply_to` is a position in the line.
 */
export const conversationSchema = z.strictObject({
  application: nameSchema,
  /** Distinguishes applications of the same name. */
  application_id: z.string("must be a string").min(1, "must not be empty").optional(),
  chat: nameSchema.nullable(),
  metadata: asText(createChatSchema.shape.metadata),
  messages: z.array(fileMessageSchema).superRefine(checkMessages),
});

/**
 * Searches by time and limits of age follow the numbers of a chat, so its times must, too. One without a time is sent now. A reply
 * needs an earlier message. An invalid value is still what the file has here: it has its own fault.
 */
function checkMessages(messages: readonly FileMessage[], context: z.core.$RefinementCtx): void {
  let latest = 0;
  messages.forEach(({ created_at, reply_to }: { created_at?: unknown; reply_to?: unknown }, at) => {
    if (typeof reply_to === "number" && reply_to > at) {
      const message = "must be the position of an earlier message of the line, from 1";
      context.addIssue({ code: "custom", path: [at, "reply_to"], message });
    }
    if (created_at !== undefined && created_at !== null && !(created_at instanceof Date)) return;
    const time = created_at?.getTime() ?? Infinity;
    if (time < latest) {
      const message = "must not be earlier than the message before: sort the messages by time";
      context.addIssue({ code: "custom", path: [at, "created_at"], message });
    }
    latest = time;
  });
}

export interface Conversation extends z.infer<typeof conversationSchema> {
  /** Its line in the file, from 1. */
  readonly line: number;
}

/** Returns the same key for all lines of one application. Names are not unique, so a line can have an id, too. */
export function applicationKey(line: Pick<Conversation, "application" | "application_id">): string {
  const { application, application_id } = line;
  return application_id === undefined ? application : JSON.stringify([application, application_id]);
}

export interface FileSummary {
  /** Hash of the whole file, in hexadecimal. */
  readonly sha256: string;
  readonly applications: number;
  readonly chats: number;
  readonly messages: number;
}

const maxReported = 20;

/** Reads the whole file and counts; throws one usage error that names the file and lists the invalid lines. */
export async function checkFile(file: string, name: string): Promise<FileSummary> {
  const hash = createHash("sha256");
  const applications = new Set<string>();
  const faults: string[] = [];
  let [chats, messages, faulty] = [0, 0, 0];
  try {
    for await (const { number, bytes } of readLines(file, { onChunk: (chunk) => hash.update(chunk) })) {
      const parsed = parseLine(bytes);
      if (typeof parsed === "string") {
        faulty += 1;
        if (faults.length < maxReported) faults.push(`  line ${number}: ${parsed}`);
        continue;
      }
      applications.add(applicationKey(parsed));
      chats += 1;
      messages += parsed.messages.length;
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  if (faulty > 0) {
    const more = faulty > faults.length ? [`  and ${faulty - faults.length} more`] : [];
    const head = `${name} has ${counted(faulty, "invalid line")}. Nothing was sent. Correct the file and run the command again:`;
    throw new CommandError("usage", [head, ...faults, ...more].join("\n"));
  }
  return { sha256: hash.digest("hex"), applications: applications.size, chats, messages };
}

/** Yields the conversations of a checked file after its first `skip` lines. */
export async function* readConversations(file: string, skip: number): AsyncGenerator<Conversation, void> {
  for await (const { number, bytes } of readLines(file)) {
    if (number <= skip) continue;
    const parsed = parseLine(bytes);
    if (typeof parsed === "string")
      throw new CommandError("usage", `${file} has changed during the import: line ${number}: ${parsed}`);
    yield { line: number, ...parsed };
  }
}

/** Returns the content of the line, or what is wrong with it. */
function parseLine(bytes: Uint8Array): z.infer<typeof conversationSchema> | string {
  let value: unknown;
  try {
    value = parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return error instanceof SyntaxError ? `is not JSON (${error.message})` : "is not valid UTF-8";
  }
  const parsed = conversationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.flatMap(faultsOf).join("; ");
}

/** A field that would be left out silently, such as a time, is a fault. */
function faultsOf(issue: z.core.$ZodIssue): string[] {
  const at = (path: PropertyKey[]): string => `/${path.join("/")}`;
  if (issue.code !== "unrecognized_keys") return [`${at(issue.path)} ${issue.message}`];
  return issue.keys.map((key) => `${at([...issue.path, key])} is not imported: put it into metadata, or leave it out`);
}

function unreadable(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const why = error.code === "ENOENT" ? "does not exist" : `cannot be read (${String(error.code)})`;
  return new CommandError("usage", `${file} ${why}.`, { cause: error });
}
