import type { z } from "zod";
import type { conversationSchema } from "../src/import/conversation-file.ts";

type Conversation = z.input<typeof conversationSchema>;

const texts = [
  "Hello world",
  "Ça va très bien, merci",
  "مرحبا بالعالم",
  "你好，世界",
  "สวัสดีชาวโลก",
  "🙂 two\nlines and a line\u2028separator",
  '"quoted" <b>&amp;</b> \\ \u0007',
];

/**
 * Creates conversations of four applications. The text of each message names its place in the file. One conversation is
 * long.
 */
export function conversations(count: number): Conversation[] {
  return Array.from({ length: count }, (_, line) => ({
    application: `application ${line % 4}`,
    chat: line % 10 === 9 ? null : `chat ${line}`,
    ...(line % 8 === 5 && { metadata: { line, topic: texts[line % texts.length] } }),
    messages: [
      ...Array.from({ length: line === 7 ? 1200 : line % 6 }, (_, index) => {
        const body = `${line}/${index} ${texts[(line + index) % texts.length] ?? ""}`;
        if (index % 3 !== 2) return body;
        return { body, sender: `user ${index % 5}`, reply_to: index, ...(line % 2 === 0 && { metadata: { index } }) };
      }),
      ...(line === 3 ? ["x".repeat(65_000)] : []),
    ],
  }));
}

/** Returns the same conversations in applications whose names have a prefix. */
export function named(prefix: string, count: number): Conversation[] {
  return conversations(count).map((conversation) => ({
    ...conversation,
    application: `${prefix} ${conversation.application}`,
  }));
}

/** Returns the text of a conversation file. */
export function ndjson(list: readonly Conversation[]): string {
  return list.map((conversation) => `${JSON.stringify(conversation)}\n`).join("");
}

/** Returns the lines of a text in a fixed order, for comparison. */
export function sorted(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}
