import { randomBytes } from "node:crypto";

/** A message that the verification sends, and what its sender knows about it. Times are `performance.now()`. */
export interface Letter {
  /** A word that no other message holds: by it the message is recognised and found. */
  readonly uid: string;
  readonly chat: number;
  readonly body: string;
  readonly key: string | undefined;
  /** When it was first sent. */
  beganAt: number;
  /** When its number was known. */
  knownAt: number;
  /** The numbers that it was answered, one for each answer. */
  readonly numbers: number[];
  /** `unknown`: no answer said whether it was taken. `failed`: every answer said that it was not. */
  outcome: "ok" | "unknown" | "failed";
}

const words = ["alpha", "Bär", "γάμμα", "😀", "e\u0301psilon", "<b>zeta</b>", "йота", "漢字"];

/** Not sent yet. */
export function createLetter(chat: number, keyed: boolean): Letter {
  const uid = `v${randomBytes(9).toString("hex")}`;
  const body = [uid, ...words.slice(0, uid.charCodeAt(1) % words.length)].join(" ");
  const key = keyed ? uid : undefined;
  return { uid, chat, body, key, beganAt: 0, knownAt: 0, numbers: [], outcome: "failed" };
}

/** The word by which a body is recognised; undefined where it is no letter's. */
export function uidIn(body: string): string | undefined {
  return /^v[0-9a-f]{18}(?= |$)/.exec(body)?.[0];
}
