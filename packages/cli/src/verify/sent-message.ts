import { randomBytes } from "node:crypto";

/** A message of the verification and what its sender knows about it. Times are on the clock of `performance.now()`. */
export interface SentMessage {
  /** A word that only this message contains. Reads and searches recognize the message by it. */
  readonly uid: string;
  readonly chat: number;
  readonly body: string;
  readonly key: string | undefined;
  /** When the message was first sent. */
  beganAt: number;
  /** When the message's number became known. */
  knownAt: number;
  /** Message numbers from the answers, one per answer. */
  readonly numbers: number[];
  /** `unknown`: no answer says whether it was accepted. `failed`: every answer says that it was not. */
  outcome: "ok" | "unknown" | "failed";
}

const words = ["alpha", "Bär", "γάμμα", "😀", "e\u0301psilon", "<b>zeta</b>", "йота", "漢字"];

/** Creates a message that has not been sent yet. */
export function createMessage(chat: number, keyed: boolean): SentMessage {
  const uid = `v${randomBytes(9).toString("hex")}`;
  const body = [uid, ...words.slice(0, uid.charCodeAt(1) % words.length)].join(" ");
  const key = keyed ? uid : undefined;
  return { uid, chat, body, key, beganAt: 0, knownAt: 0, numbers: [], outcome: "failed" };
}

/** Returns the unique word in a body, or undefined if the body is not from a verification. */
export function uidIn(body: string): string | undefined {
  return /^v[0-9a-f]{18}(?= |$)/.exec(body)?.[0];
}
