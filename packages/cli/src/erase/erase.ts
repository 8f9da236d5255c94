import { setTimeout as sleep } from "node:timers/promises";
import type { Erasure } from "@confab/database";
import { CommandError } from "../errors.ts";
import { inWords } from "../retry-until.ts";
import { remainsByDesign } from "./remains.ts";
import type { Probe } from "./probes.ts";
import type { Target } from "./target.ts";

/** One query to one store, and its results. */
export interface Evidence {
  readonly store: Probe["store"];
  readonly what: string;
  readonly query: string;
  /** Undefined if the target was already deleted when this command began. */
  readonly before: number | undefined;
  readonly after: number;
}

export interface Certificate {
  readonly application_token: string;
  readonly chat_number: number | null;
  readonly sender: string | null;
  readonly requested_at: string;
  readonly finished_at: string;
  readonly verified_at: string;
  readonly evidence: readonly Evidence[];
  /** The number of things that are left although they should not be. */
  readonly left: number;
  readonly remains_by_design: readonly string[];
}

const pauseMs = 500;
/** Minimum time between two reports: a sender with many chats passes several per second. */
const reportMs = 5_000;
const secondLook = "A worker looks a second time later: after two minutes, unless ERASURE_SETTLE_TIME says otherwise.";

/** Waits until a worker has finished the erasure. `onStage` is called when another stage has begun, at most every five seconds. Throws after the timeout. */
export async function waitUntilFinished(
  find: () => Promise<Erasure | undefined>,
  timeoutMs: number,
  onStage: (stage: string) => void,
): Promise<Erasure & { finishedAt: Date }> {
  const deadline = performance.now() + timeoutMs;
  let last: { readonly stage?: string; readonly at: number } = { at: -Infinity };
  for (;;) {
    const erasure = await find();
    const finishedAt = erasure?.finishedAt;
    if (erasure && finishedAt) return { ...erasure, finishedAt };
    const stage = erasure && stageOf(erasure);
    if (stage !== undefined && stage !== last.stage && performance.now() >= last.at + reportMs) {
      onStage(stage);
      last = { stage, at: performance.now() };
    }
    if (performance.now() + pauseMs > deadline) {
      throw new CommandError(
        "unavailable",
        `The erasure is not finished after ${inWords(timeoutMs)}. It continues: run the same command again to wait for it. Check that a worker is running, and that Redis and the search index answer.`,
      );
    }
    await sleep(pauseMs);
  }
}

function stageOf({ markedAt, sender, clearedAt, nextChatNumber }: Erasure): string {
  if (markedAt === null) return "No worker has begun yet.";
  if (sender === null) return `Workers are erasing it. ${secondLook}`;
  if (clearedAt !== null) return `Everything is erased once. ${secondLook}`;
  return nextChatNumber === 0
    ? "Workers are erasing it."
    : `Workers are erasing it: the chats below number ${nextChatNumber} are done.`;
}

/** Returns the target as the output names it. */
export function described({ token, chat, sender }: Target) {
  return { application_token: token, chat_number: chat ?? null, sender: sender ?? null };
}

/** Counts again what a finished erasure should have erased. */
export async function certify(
  target: Target,
  { requestedAt, finishedAt }: Erasure & { finishedAt: Date },
  probes: readonly Probe[],
  before: readonly number[] | undefined,
): Promise<Certificate> {
  const evidence: Evidence[] = [];
  for (const [at, probe] of probes.entries()) {
    const { store, what, query } = probe;
    evidence.push({ store, what, query, before: before?.[at], after: await probe.count() });
  }
  return {
    ...described(target),
    requested_at: requestedAt.toISOString(),
    finished_at: finishedAt.toISOString(),
    verified_at: new Date().toISOString(),
    evidence,
    left: evidence.reduce((total, { after }) => total + after, 0),
    remains_by_design: remainsByDesign(target),
  };
}
