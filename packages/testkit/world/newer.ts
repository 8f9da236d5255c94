import { crc32 } from "node:zlib";
import { toJsonText, type MessageContent } from "@confab/contracts";
import { nameHash } from "@confab/pending";
import type { Chat } from "./database.ts";

/** Metadata that a message needs, so that `asNewer` can rename the field and change the digits. */
export const renamable = { metadata: toJsonText({ mood: "000000" }) } satisfies Partial<MessageContent>;

/**
 * Turns the pending record of a `renamable` message into a record of a newer version of Confab, whose messages have a
 * field `reaction`. The record keeps its length and has a valid checksum.
 */
export function asNewer(batchId: string, { token, number }: Pick<Chat, "token" | "number">, record: string): string {
  const [, sum = "", content = ""] = /^1 (\d+) (.*)$/s.exec(record) ?? [];
  for (let at = 0; ; at++) {
    const text = content.replace('"metadata":', '"reaction":').replace("000000", String(at).padStart(6, "0"));
    const newSum = String((crc32(`${batchId}/${text}`) ^ nameHash(token, number)) >>> 0);
    if (newSum.length <= sum.length) return `1 ${newSum.padStart(sum.length, "0")} ${text}`;
  }
}
