import type { ImportState } from "./import-state.ts";
import type { OpenChat } from "./open-chat.ts";

export interface Failure {
  readonly line: number;
  readonly reason: string;
}

/** Records the progress of an import in its state. */
export interface Ledger {
  readonly failures: readonly Failure[];
  /** Notes that a line has begun. Must be called in the order of the lines. */
  begin(line: number): void;
  /** Notes that the chat exists, and that `accepted` more of its messages were accepted. */
  note(chat: OpenChat, accepted: number): void;
  /** Notes that all messages of the chat were accepted. */
  finish(chat: OpenChat): void;
  /** Notes that the chat cannot be imported completely. The next run tries again. */
  fail(chat: OpenChat, reason: string): void;
}

/** Creates a ledger that updates `state`. The caller saves the state. */
export function createLedger(state: ImportState): Ledger {
  const failures: Failure[] = [];
  const begun: number[] = [];
  const finished = new Set<number>();
  return {
    failures,
    begin(line) {
      begun.push(line);
    },
    note({ line, number, createdMs, sent, last }, accepted) {
      state.chats.set(line, { number, createdMs, sent, last });
      state.messages_done += accepted;
    },
    finish({ line }) {
      finished.add(line);
      while (finished.delete(begun[0]!)) {
        const done = begun.shift()!;
        state.lines_done = done;
        state.chats.delete(done);
      }
    },
    fail({ line }, reason) {
      failures.push({ line, reason });
    },
  };
}
