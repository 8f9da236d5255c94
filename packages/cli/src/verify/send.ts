import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isTemporary, Refused } from "../api-errors.ts";
import { createMessage, type SentMessage } from "./sent-message.ts";
import type { Run } from "./run.ts";

export interface Pace {
  /** Number of messages that all senders together may still send. */
  left: number;
  /** Average time in ms between two requests of a sender. */
  readonly pauseMs: number;
  readonly largestBatch: number;
}

/** The answer to one message: its number or an error. */
type Answer = { readonly number: number } | { readonly error: unknown };

const retryMs = 250;

/**
 * Sends requests until sending ends. Single messages and batches alternate, and two of three messages have an
 * idempotency key. Messages with a key are retried until their outcome is known, and others only after a temporary
 * refusal.
 */
export async function send(run: Run, pace: Pace): Promise<void> {
  for (let request = randomInt(2); !run.sending.aborted && pace.left > 0; request += 1) {
    const size = Math.min(pace.left, request % 2 === 0 ? 1 : randomInt(2, pace.largestBatch + 1));
    pace.left -= size;
    const messages = Array.from({ length: size }, (_, index) => {
      const chat = run.chats[randomInt(run.chats.length)]!;
      return createMessage(chat, (request + index) % 3 !== 0);
    });
    await settle(run, messages);
    const [first] = messages;
    // Some messages are sent again, as if their answers had been lost. They must get the same numbers.
    if (size === 1 && first?.outcome === "ok" && first.key !== undefined && randomInt(10) === 0)
      await repeat(run, first);
    await sleep(pace.pauseMs * (0.5 + Math.random()));
  }
}

async function settle(run: Run, messages: readonly SentMessage[]): Promise<void> {
  run.messages.push(...messages);
  const beganAt = performance.now();
  for (const message of messages) message.beganAt = beganAt;
  for (let waiting = messages; waiting.length > 0 && !run.settling.aborted;) {
    const answers = await ask(run, waiting);
    let waitMs = 0;
    waiting = waiting.filter((message, index) => {
      const answer = answers[index]!;
      if ("number" in answer) {
        acknowledge(run, message, answer.number);
        return false;
      }
      waitMs = Math.max(waitMs, waitOf(answer.error));
      if (isRefused(answer.error)) return isTemporary(answer.error);
      message.outcome = "unknown";
      return message.key !== undefined;
    });
    if (waiting.length > 0) await sleep(Math.min(Math.max(waitMs, retryMs), 5_000));
  }
}

function acknowledge({ acknowledgements }: Run, message: SentMessage, number: number): void {
  message.knownAt = performance.now();
  message.outcome = "ok";
  message.numbers.push(number);
  acknowledgements.report(message);
}

async function repeat(run: Run, message: SentMessage): Promise<void> {
  const [answer] = await ask(run, [message]);
  if (answer !== undefined && "number" in answer) message.numbers.push(answer.number);
}

async function ask({ api, token }: Run, messages: readonly SentMessage[]): Promise<Answer[]> {
  const item = ({ chat, body }: SentMessage) => ({ application_token: token, chat_number: chat, body });
  const [first] = messages;
  try {
    if (messages.length === 1 && first !== undefined) {
      const key = first.key === undefined ? {} : { idempotencyKey: first.key };
      const { body } = await api.callOnce("createMessage", { body: item(first), ...key });
      return [{ number: body.number }];
    }
    const items = messages.map((message) => ({ ...item(message), idempotency_key: message.key }));
    const { body } = await api.callOnce("createMessages", { body: { messages: items } });
    return messages.map((_, index) => {
      const result = body.results[index];
      if (result !== undefined && "number" in result) return { number: result.number };
      return { error: result === undefined ? new Error("no result") : Refused.fromItem(result) };
    });
  } catch (error) {
    return messages.map(() => ({ error }));
  }
}

/** Codes of 503 answers that guarantee that nothing was accepted. */
const refusals = ["overloaded", "busy"];

/**
 * Returns whether an error guarantees that the message was not accepted, like a 4xx and some 503s. After any other
 * error, it may have been accepted.
 */
function isRefused(error: unknown): boolean {
  return error instanceof Refused && (error.status < 500 || refusals.includes(error.code ?? ""));
}

function waitOf(error: unknown): number {
  return error instanceof Refused ? (error.retryAfterMs ?? 0) : 0;
}
