import { ProblemError, type ProblemCode } from "@confab/contracts";
import { giveWay } from "@confab/async";
import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { createBatchDivider } from "./batch-json.ts";
import { assertJson, consumeBody, mediaTypeOf, parseJson } from "./body.ts";
import type { Lease } from "./byte-budget.ts";
import { createLineDivider } from "./ndjson.ts";
import { parseBody } from "./validation.ts";

export interface BatchForm {
  /** Schema that each item must match. */
  readonly item: z.ZodType;
  readonly limitBytes: number;
  readonly itemLimitBytes: number;
  /** Receives each valid item as it was sent; `noteFrame` receives the object around the items. */
  readonly noteItem: (value: object) => void;
  readonly noteFrame: (value: object) => void;
}

/** Where an item comes from: its line in NDJSON or its position in JSON, counted from 1. */
interface Source {
  readonly kind: "line" | "message";
  readonly at: number;
}

/**
 * Reads a batch request, as JSON `{"messages":[…]}` or as NDJSON with one message per line. Parses and validates one
 * item at a time, so a batch never needs much more memory than its bytes. An invalid item becomes a ProblemError in its
 * position and does not affect the others. A body of any other shape is returned unchanged, and its schema refuses it.
 */
export async function readBatch(req: IncomingMessage, form: BatchForm, lease?: Lease): Promise<unknown> {
  const type = mediaTypeOf(req);
  if (type === "application/x-ndjson") {
    const divider = createLineDivider(form.itemLimitBytes);
    await consumeBody(req, form.limitBytes, divider.push, lease);
    const { lines, numbers } = divider.end();
    return { messages: await parseItems(lines, (index) => ({ kind: "line", at: numbers[index]! }), form, lease) };
  }
  assertJson(type);
  const divider = createBatchDivider(form.itemLimitBytes);
  await consumeBody(req, form.limitBytes, divider.push, lease);
  const { items, frame } = divider.end();
  const body = parseJson(frame);
  const messages = await parseItems(items, (index) => ({ kind: "message", at: index + 1 }), form, lease);
  if (!hasMessages(body)) return body;
  form.noteFrame(body);
  return { messages: body.messages.map((index) => messages[index]) };
}

async function parseItems(
  texts: (Buffer | undefined)[],
  sourceOf: (index: number) => Source,
  form: BatchForm,
  lease: Lease | undefined,
): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let index = 0; index < texts.length; index += 1) {
    values.push(parseItem(texts[index], sourceOf(index), form, lease));
    // This frees the text once its value is parsed, so that the text and the value are never kept together.
    texts[index] = undefined;
    const turn = giveWay();
    if (turn !== undefined) await turn;
  }
  return values;
}

/** Problems that the byte budget throws; they refuse the whole request. */
const ofWholeRequest: ReadonlySet<ProblemCode> = new Set<ProblemCode>(["rate-limited", "busy", "payload-too-large"]);

function parseItem(text: Buffer | undefined, source: Source, form: BatchForm, lease: Lease | undefined): unknown {
  if (text === undefined) {
    return new ProblemError("payload-too-large", {
      detail: `The message has more than ${form.itemLimitBytes} bytes of JSON. Shorten its body.`,
    });
  }
  try {
    const before = lease?.held ?? 0;
    const value = parseJson(text, source, lease);
    const item = parseBody(form.item, value);
    form.noteItem(value as object);
    lease?.budget.assign(lease, tokenIn(item), text.length + lease.held - before);
    return item;
  } catch (error) {
    if (!(error instanceof ProblemError) || ofWholeRequest.has(error.code)) throw error;
    // A JSON body is a single text, so a malformed part makes the whole body malformed.
    if (source.kind === "message" && error.code === "malformed-json") throw error;
    return error;
  }
}

/** Returns the application token that a message names, or undefined. */
export function tokenIn(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("application_token" in message)) return undefined;
  return typeof message.application_token === "string" ? message.application_token : undefined;
}

function hasMessages(body: unknown): body is { messages: number[] } {
  return typeof body === "object" && body !== null && "messages" in body && Array.isArray(body.messages);
}
