import { z } from "zod";
import { messageBodySchema } from "./message-body.ts";

/**
 * The content of a message as a client sends it. A field that is added here and to `contentOutput` is validated, kept while the
 * message is pending, and returned; its column (packages/database) and its mapping (packages/search) are the rest.
 */
export const contentInput = { body: messageBodySchema };

/** The same fields as they are returned; every field but the body may be null. */
export const contentOutput = {
  body: z.string().meta({ description: "The text, byte for byte as it was sent", examples: ["Hello world"] }),
};

/** The content of a message in every shape that it has: request, pending record, row and search document. */
export type MessageContent = z.infer<z.ZodObject<typeof contentInput>>;

/** The content with all its fields, as it is returned. */
export type ReturnedContent = z.infer<z.ZodObject<typeof contentOutput>>;

/** All fields of a message's content. */
export const contentFields = Object.keys(contentOutput) as readonly (keyof ReturnedContent)[];

// As plain strings: which fields there are is data here, not a type.
const allFields: readonly string[] = contentFields;
const otherFields = allFields.filter((field) => field !== "body");

/** The content alone of something that has more; a missing field is null. */
export function contentOf(source: MessageContent): ReturnedContent {
  const content: Record<string, unknown> = {};
  for (const field of allFields) content[field] = (source as Record<string, unknown>)[field] ?? null;
  return content as ReturnedContent;
}

/** All fields but the body, as JSON on one line; empty if none is given. */
export function encodeOtherFields(content: MessageContent): string {
  if (otherFields.length === 0) return "";
  const given = Object.entries(content as Record<string, unknown>).filter(
    ([field, value]) => otherFields.includes(field) && value !== undefined && value !== null,
  );
  return given.length === 0 ? "" : JSON.stringify(Object.fromEntries(given));
}

/** The content of a body and what `encodeOtherFields` gave; throws if a newer version of Confab wrote a field that this one lacks. */
export function decodeContent(body: string, fields: string | null | undefined): MessageContent {
  if (!fields) return { body };
  const others = JSON.parse(fields) as Partial<MessageContent>;
  const unknown = Object.keys(others).filter((field) => !allFields.includes(field));
  if (unknown.length > 0) throw new Error(`The message has fields of a newer version of Confab: ${unknown.join(", ")}`);
  return { body, ...others };
}
