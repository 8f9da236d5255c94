import type { ApiClient } from "../api-client.ts";
import type { Letter } from "./letter.ts";

export const kinds = ["get", "list", "search", "counts"] as const;
export type Kind = (typeof kinds)[number];

/** What senders, pollers and probes of one verification share. */
export interface Run {
  readonly api: ApiClient;
  readonly token: string;
  readonly chats: readonly number[];
  /** All letters that were sent, in the order in which they were first sent. */
  readonly letters: Letter[];
  /** Aborts when nothing new is to be sent. */
  readonly sending: AbortSignal;
  /** Aborts when what is not settled stays as it is. */
  readonly patience: AbortSignal;
  /** Aborts when reading is over. */
  readonly reading: AbortSignal;
  /** Milliseconds from an acknowledgement until a client saw the message. */
  readonly seenAfter: Readonly<Record<Kind, number[]>>;
  readonly stale: string[];
  readonly neverShown: string[];
  readonly overcounted: string[];
  readonly acknowledgements: Acknowledgements;
}

export interface Acknowledgements {
  /** Wakes whoever waits for the next one. */
  report(letter: Letter): void;
  /** The next letter to be acknowledged; undefined once the signal aborts. */
  next(signal: AbortSignal): Promise<Letter | undefined>;
}

/** Hands each acknowledged letter to everybody who waits at that moment. */
export function createAcknowledgements(): Acknowledgements {
  const waiting = new Set<(letter: Letter | undefined) => void>();
  return {
    report(letter) {
      for (const wake of waiting) wake(letter);
    },
    next(signal) {
      return new Promise((resolve) => {
        const wake = (letter: Letter | undefined) => {
          waiting.delete(wake);
          signal.removeEventListener("abort", stop);
          resolve(letter);
        };
        const stop = () => {
          wake(undefined);
        };
        waiting.add(wake);
        signal.addEventListener("abort", stop);
        if (signal.aborted) stop();
      });
    },
  };
}
