import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "@confab/contracts";
import type { ChangeOutcome, ChangeTarget, Message, MessageChanges, MessageEdit } from "@confab/database";
import type { LiveSignals, PendingMessages } from "@confab/intake";
import { tagOf } from "../representations.ts";
import type { ChatReference } from "./walk.ts";

export interface ChangeMessageOptions {
  changes: Pick<MessageChanges, "edit" | "remove">;
  pending: Pick<PendingMessages, "read">;
  signals: Pick<LiveSignals, "send">;
  /** How long a change waits for a pending message to be stored. */
  waitMs?: number;
}

export interface ChangeMessage {
  /** Resolves with the message after the change; throws the problem that says why there is none. */
  edit(place: ChatReference, number: number, edit: MessageEdit, tags?: readonly string[]): Promise<Message>;
  /** Resolves also if the message was deleted before. */
  remove(place: ChatReference, number: number, tags?: readonly string[]): Promise<void>;
}

const firstPauseMs = 20;
const longestPauseMs = 200;

/** Edits and deletes messages. A message that is accepted and not stored yet is waited for. */
export function createChangeMessage({
  changes,
  pending,
  signals,
  waitMs = 2_000,
}: ChangeMessageOptions): ChangeMessage {
  async function isPending(place: ChatReference, number: number): Promise<boolean> {
    try {
      return (await pending.read(place, [number])).messages.has(number);
    } catch (error) {
      throw new ProblemError("service-unavailable", {
        detail:
          "The message is not stored, and Redis, which may have it as pending, is unavailable. Nothing was changed. Send the request again after Retry-After.",
        cause: error,
      });
    }
  }

  async function settled(place: ChatReference, number: number, change: () => Promise<ChangeOutcome>) {
    const deadline = performance.now() + waitMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      const outcome = await change();
      if (outcome.outcome !== "missing") return outcome;
      // Redis drops a record only after the message is in MySQL, so a message that is in neither, in this order, is unknown.
      if (!(await isPending(place, number))) {
        const last = await change();
        if (last.outcome !== "missing") return last;
        throw new ProblemError("message-not-found", { detail: `The chat has no message ${number}.` });
      }
      if (performance.now() + pauseMs > deadline) {
        throw new ProblemError("service-unavailable", {
          detail:
            "The message is accepted and not stored yet. Nothing was changed. Send the request again after Retry-After.",
        });
      }
      await sleep(pauseMs);
    }
  }

  async function changed(place: ChatReference, target: ChangeTarget, change: () => Promise<ChangeOutcome>) {
    const outcome = await settled(place, target.number, change);
    if (outcome.outcome === "other-version") throw new ProblemError("version-mismatch");
    if (outcome.outcome === "history-full") throw new ProblemError("history-full");
    // Streams look by themselves a few seconds later.
    if (outcome.outcome === "changed") void signals.send(place).catch(() => undefined);
    return outcome;
  }

  return {
    async edit(place, number, edit, tags) {
      const target = { chatId: place.id, number, isExpected: isOneOf(tags) };
      const outcome = await changed(place, target, () => changes.edit(target, edit));
      if (!("message" in outcome)) throw new ProblemError("message-deleted");
      return outcome.message;
    },
    async remove(place, number, tags) {
      const target = { chatId: place.id, number, isExpected: isOneOf(tags) };
      await changed(place, target, () => changes.remove(target));
    },
  };
}

function isOneOf(tags: readonly string[] | undefined) {
  return tags && ((message: Message): boolean => tags.includes(tagOf(message)));
}
