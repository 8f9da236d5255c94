import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "@confab/contracts";
import type {
  ChangeOutcome,
  ChangeTarget,
  Message,
  MessageChanges,
  MessageEdit,
  Messages,
  StoredChat,
} from "@confab/database";
import type { InShare } from "@confab/http";
import type { LiveSignals, PendingMessages } from "@confab/pending";
import { isTagOf, tagOf } from "../representations.ts";

export interface ChangeMessageOptions {
  readonly changes: Pick<MessageChanges, "edit" | "remove">;
  readonly messages: Pick<Messages, "find">;
  readonly pending: Pick<PendingMessages, "read" | "knowsBatchOf">;
  readonly signals: Pick<LiveSignals, "send">;
  /** How long a change waits for a pending message to be stored. */
  readonly waitMs?: number;
}

/** A message that does not meet them is not changed. */
export interface ChangeTerms {
  /** One of its tags; undefined if any version will do. */
  readonly tags?: readonly string[] | undefined;
  /** Throws if the sender's messages may not be changed. */
  readonly expectSender: (sender: string | null | undefined) => void;
  /** Runs each attempt. A message is waited for outside the share, which others need. */
  readonly inShare: InShare;
}

export interface ChangeMessage {
  /** Resolves with the message after the change; throws the problem that says why there is none. */
  edit(place: StoredChat, number: number, edit: MessageEdit, terms: ChangeTerms): Promise<Message>;
  /** Resolves also if the message was deleted before. */
  remove(place: StoredChat, number: number, terms: ChangeTerms): Promise<void>;
}

const firstPauseMs = 20;
const longestPauseMs = 200;

/**
 * Edits and deletes messages. A message that is accepted and not stored yet is waited for. If another message has its number by then,
 * because Redis lost data, neither is changed.
 */
export function createChangeMessage({
  changes,
  messages,
  pending,
  signals,
  waitMs = 2_000,
}: ChangeMessageOptions): ChangeMessage {
  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw new ProblemError("service-unavailable", {
        detail:
          "The message is not stored, and Redis, which may have it as pending, is unavailable. Nothing was changed. Send the request again after Retry-After.",
        cause: error,
      });
    }
  }

  async function settled(
    place: StoredChat,
    number: number,
    { tags, expectSender, inShare }: ChangeTerms,
    change: (target: ChangeTarget) => Promise<ChangeOutcome>,
  ) {
    let seen: Uint8Array | undefined;
    const isSeen = ({ uid }: { uid: Uint8Array }): boolean => seen === undefined || Buffer.compare(seen, uid) === 0;
    const target: ChangeTarget = {
      chatId: place.id,
      number,
      isSame: (message) => isSeen(message) && (tags?.some((tag) => isTagOf(tag, message)) ?? true),
      isExpected(message) {
        expectSender(message.sender);
        return tags?.includes(tagOf(message)) ?? true;
      },
    };
    const deadline = performance.now() + waitMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      const outcome = await inShare(() => change(target));
      if (outcome.kind !== "missing") return outcome;
      // Redis drops a record only after the message is in MySQL, so a message that is in neither, in this order, is unknown.
      const found = (await asked(pending.read(place, [number]))).messages.get(number);
      if (found === undefined) {
        if (seen === undefined && tags === undefined) {
          // It may have been stored meanwhile. But after a loss, another message may have been pending under its number until then.
          const stored = await inShare(() => messages.find(place.id, number));
          if (stored && !(await asked(pending.knowsBatchOf(place, stored)))) return { kind: "other-message" } as const;
          seen = stored?.uid;
        }
        const last = await inShare(() => change(target));
        if (last.kind !== "missing") return last;
        throw new ProblemError("message-not-found", { detail: `The chat has no message ${number}.` });
      }
      if (!isSeen(found)) return { kind: "other-message" } as const;
      expectSender(found.sender);
      seen = found.uid;
      if (performance.now() + pauseMs > deadline) {
        throw new ProblemError("service-unavailable", {
          detail:
            "The message is accepted and not stored yet. Nothing was changed. Send the request again after Retry-After.",
        });
      }
      await sleep(pauseMs);
    }
  }

  async function changed(...args: Parameters<typeof settled>) {
    const [place, number] = args;
    const outcome = await settled(...args);
    if (outcome.kind === "other-message") {
      throw new ProblemError("version-mismatch", {
        detail:
          args[2].tags === undefined
            ? `Another message has the number ${number} by now, or may have it, or the message has another number, because messages were lost before they were stored. Nothing was changed. List the messages again, and repeat the change with the number that the message has.`
            : `The message that has the number ${number} has no version with this tag. If the tag is from an answer, messages were lost before they were stored: list them again, and repeat the change with the number that the message has. Nothing was changed.`,
      });
    }
    if (outcome.kind === "other-version") throw new ProblemError("version-mismatch");
    if (outcome.kind === "history-full") throw new ProblemError("history-full");
    // Streams look by themselves a few seconds later.
    if (outcome.kind === "changed") void signals.send(place).catch(() => undefined);
    return outcome;
  }

  return {
    async edit(place, number, edit, terms) {
      const outcome = await changed(place, number, terms, (target) => changes.edit(target, edit));
      if (!("message" in outcome)) throw new ProblemError("message-deleted");
      return outcome.message;
    },
    async remove(place, number, terms) {
      await changed(place, number, terms, (target) => changes.remove(target));
    },
  };
}
