import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Refused } from "../api-errors.ts";
import { createLetter, type Letter } from "./letter.ts";
import type { Run } from "./run.ts";

export interface Pace {
  /** Messages that all senders may still send. */
  left: number;
  /** Between two requests of one sender, on average. */
  readonly pauseMs: number;
  readonly largestBatch: number;
}

/** An answer to one letter: its number, or what was said instead. */
type Answer = { readonly number: number } | { readonly error: unknown };

const retryMs = 250;

/**
 * Sends one request after the other until sending ends: single messages and batches in turn, half of the messages with a
 * key. With a key it repeats until the outcome is known, without one only what was not taken.
 */
export async function send(run: Run, pace: Pace): Promise<void> {
  for (let request = randomInt(2); !run.sending.aborted && pace.left > 0; request += 1) {
    const size = Math.min(pace.left, request % 2 === 0 ? 1 : randomInt(2, pace.largestBatch + 1));
    pace.left -= size;
    const letters = Array.from({ length: size }, (_, index) => {
      const chat = run.chats[randomInt(run.chats.length)]!;
      return createLetter(chat, (request + index) % 3 !== 0);
    });
    await settle(run, letters);
    const [first] = letters;
    // A client that lost the answer asks again: the number is to be the same.
    if (size === 1 && first?.outcome === "ok" && first.key !== undefined && randomInt(10) === 0)
      await repeat(run, first);
    await sleep(pace.pauseMs * (0.5 + Math.random()));
  }
}

async function settle(run: Run, letters: readonly Letter[]): Promise<void> {
  run.letters.push(...letters);
  const beganAt = performance.now();
  for (const letter of letters) letter.beganAt = beganAt;
  for (let waiting = letters; waiting.length > 0 && !run.patience.aborted;) {
    const answers = await ask(run, waiting);
    let waitMs = 0;
    waiting = waiting.filter((letter, index) => {
      const answer = answers[index]!;
      if ("number" in answer) {
        acknowledge(run, letter, answer.number);
        return false;
      }
      waitMs = Math.max(waitMs, waitOf(answer.error));
      if (isTaken(answer.error) === "no") return isPassing(answer.error);
      letter.outcome = "unknown";
      return letter.key !== undefined;
    });
    if (waiting.length > 0) await sleep(Math.min(Math.max(waitMs, retryMs), 5_000));
  }
}

function acknowledge({ acknowledgements }: Run, letter: Letter, number: number): void {
  letter.knownAt = performance.now();
  letter.outcome = "ok";
  letter.numbers.push(number);
  acknowledgements.report(letter);
}

async function repeat(run: Run, letter: Letter): Promise<void> {
  const [answer] = await ask(run, [letter]);
  if (answer !== undefined && "number" in answer) letter.numbers.push(answer.number);
}

async function ask({ api, token }: Run, letters: readonly Letter[]): Promise<Answer[]> {
  const item = ({ chat, body }: Letter) => ({ application_token: token, chat_number: chat, body });
  const [first] = letters;
  try {
    if (letters.length === 1 && first !== undefined) {
      const key = first.key === undefined ? {} : { idempotencyKey: first.key };
      const { body } = await api.callOnce("createMessage", { body: item(first), ...key });
      return [{ number: body.number }];
    }
    const messages = letters.map((letter) => ({ ...item(letter), idempotency_key: letter.key }));
    const { body } = await api.callOnce("createMessages", { body: { messages } });
    return letters.map((_, index) => {
      const result = body.results[index];
      if (result !== undefined && "number" in result) return { number: result.number };
      return { error: result === undefined ? new Error("no result") : Refused.fromItem(result) };
    });
  } catch (error) {
    return letters.map(() => ({ error }));
  }
}

/** Codes of a 503 that say that nothing was done. */
const refusals = ["overloaded", "busy"];

/** A 4xx and some 503s say that the message was not taken; whatever else is not an answer says nothing. */
function isTaken(error: unknown): "no" | "unknown" {
  const refused = error instanceof Refused && (error.status < 500 || refusals.includes(error.code ?? ""));
  return refused ? "no" : "unknown";
}

const isPassing = (error: unknown) => error instanceof Refused && error.retryAfterMs !== undefined;

function waitOf(error: unknown): number {
  return error instanceof Refused ? (error.retryAfterMs ?? 0) : 0;
}
