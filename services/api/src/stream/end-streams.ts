import type { LiveSignals } from "@confab/pending";
import type { GoodbyeReason } from "./streams.ts";

/**
 * Ends the streams and waiting requests of a chat, or of all chats of an application, in all processes that Redis reaches. Streams of
 * a deleted chat also end within seconds without it.
 */
export type EndStreams = (of: { token: string; number?: number }, reason: GoodbyeReason) => Promise<void>;

/** Ends streams before their clients leave. */
export function createEndStreams(signals: Pick<LiveSignals, "send" | "sendToAll">): EndStreams {
  return ({ token, number }, reason) =>
    number === undefined
      ? signals.sendToAll(token, { type: "end", reason })
      : signals.send({ token, number }, { type: "end", reason });
}
