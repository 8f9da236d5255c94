import { ProblemError } from "@confab/contracts";
import { giveWay } from "@confab/runtime";
import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { createBatchDivider } from "./batch-json.ts";
import { assertJson, consumeBody, mediaTypeOf, parseJson } from "./body.ts";
import type { Lease } from "./byte-budget.ts";
import { createLineDivider } from "./ndjson.ts";
import { parseBody } from "./validation.ts";

export interface BatchForm {
  /** What each message must be. */
  readonly item: z.ZodType;
  readonly limitBytes: number;
  readonly itemLimitBytes: number;
}

/**
 * Reads a batch, as JSON `{"messages":[…]}` or as NDJSON with one message per line. Each message is parsed by itself, and becomes what its schema
 * makes of it before the next one is parsed, so that a batch never needs much more memory than its bytes; a message that may not be stays in its
 * place as a ProblemError, so that it costs its neighbours nothing. A body that is no such object is given as it is, for its schema to refuse.
 */
export async function readBatch(req: IncomingMessage, form: BatchForm, lease?: Lease): Promise<unknown> {
  const type = mediaTypeOf(req);
  if (type === "application/x-ndjson") {
    const lines = createLineDivider(form.itemLimitBytes);
    await consumeBody(req, form.limitBytes, lines.push, lease);
    return { messages: await parseItems(lines.end(), form, lease, "line") };
  }
  assertJson(type);
  const divider = createBatchDivider(form.itemLimitBytes);
  await consumeBody(req, form.limitBytes, divider.push, lease);
  const { items, frame } = divider.end();
  const body = parseJson(frame);
  const messages = await parseItems(items, form, lease, "message");
  if (!hasMessages(body)) return body;
  return { messages: body.messages.map((place) => messages[place]) };
}

async function parseItems(
  texts: (Buffer | undefined)[],
  form: BatchForm,
  lease: Lease | undefined,
  kind: "line" | "message",
): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let at = 0; at < texts.length; at += 1) {
    values.push(parseItem(texts[at], at, form, lease, kind));
    // Of text and value only one is kept.
    texts[at] = undefined;
    const turn = giveWay();
    if (turn !== undefined) await turn;
  }
  return values;
}

function parseItem(
  text: Buffer | undefined,
  at: number,
  form: BatchForm,
  lease: Lease | undefined,
  kind: "line" | "message",
): unknown {
  if (text === undefined) {
    return new ProblemError("payload-too-large", {
      detail: `A message may have at most ${form.itemLimitBytes} bytes as JSON.`,
    });
  }
  try {
    const item = parseBody(form.item, parseJson(text, kind));
    lease?.budget.assign(lease, item, text.length);
    return item;
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code === "rate-limited") throw error;
    // JSON is one text, of which no part can be wrong alone.
    if (kind === "message" && error.code === "malformed-json") {
      throw new ProblemError("malformed-json", { detail: `In message ${at + 1}: ${error.detail ?? ""}` });
    }
    return error;
  }
}

function hasMessages(body: unknown): body is { messages: number[] } {
  return typeof body === "object" && body !== null && "messages" in body && Array.isArray(body.messages);
}
