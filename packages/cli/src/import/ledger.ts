import type { ImportState } from "./import-state.ts";
import type { OpenChat } from "./open-chat.ts";

export interface Failure {
  readonly line: number;
  readonly reason: string;
}

/** Keeps an import's state true as the import goes on. */
export interface Ledger {
  readonly failures: readonly Failure[];
  /** In the order of the lines. */
  begin(line: number): void;
  /** The chat exists, or `taken` further messages of it do. */
  note(chat: OpenChat, taken: number): void;
  /** All of it is there. */
  finish(chat: OpenChat): void;
  /** It cannot be brought there whole; the next run tries again. */
  fail(chat: OpenChat, reason: string): void;
}

/** Writes to `state`, which somebody else saves now and then. */
export function createLedger(state: ImportState): Ledger {
  const failures: Failure[] = [];
  const begun: number[] = [];
  const finished = new Set<number>();
  return {
    failures,
    begin(line) {
      begun.push(line);
    },
    note({ line, number, sent, last }, taken) {
      state.chats.set(line, { number, sent, last });
      state.messages_done += taken;
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
