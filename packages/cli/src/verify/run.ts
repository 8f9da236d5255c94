import type { ApiClient } from "../api-client.ts";
import type { SentMessage } from "./sent-message.ts";

export const kinds = ["get", "list", "search", "counts"] as const;
export type Kind = (typeof kinds)[number];

/** State that the senders, pollers and probes of a verification share. */
export interface Run {
  readonly api: ApiClient;
  readonly token: string;
  readonly chats: readonly number[];
  /** All messages that were sent, in the order of their first requests. */
  readonly messages: SentMessage[];
  /** Aborted once no new message may be sent. */
  readonly sending: AbortSignal;
  /** Aborted once messages without an answer are no longer retried. */
  readonly settling: AbortSignal;
  /** Aborted once reading ends. */
  readonly reading: AbortSignal;
  /** Times in ms from the acknowledgement of a message until a client saw it. */
  readonly seenAfter: Readonly<Record<Kind, number[]>>;
  readonly stale: string[];
  readonly neverShown: string[];
  readonly overcounted: string[];
  readonly acknowledgements: Acknowledgements;
}

export interface Acknowledgements {
  /** Passes a message to all callers that wait for the next one. */
  report(message: SentMessage): void;
  /** Resolves to the next message that is acknowledged, or to undefined once the signal is aborted. */
  next(signal: AbortSignal): Promise<SentMessage | undefined>;
}

/** Creates acknowledgements. They pass each acknowledged message to all callers that wait at that moment. */
export function createAcknowledgements(): Acknowledgements {
  const waiting = new Set<(message: SentMessage | undefined) => void>();
  return {
    report(message) {
      for (const wake of waiting) wake(message);
    },
    next(signal) {
      return new Promise((resolve) => {
        const wake = (message: SentMessage | undefined) => {
          waiting.delete(wake);
          signal.removeEventListener("abort", stop);
          resolve(message);
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
