import { z } from "zod";
import { numberSchema } from "./chat.ts";
import { maxBodyBytes, messageBodySchema } from "./message-body.ts";
import { encodeJson, JsonText } from "./json-text.ts";
import { maxMessageMetadataBytes, metadataOutput, metadataSchema } from "./metadata.ts";

/** Maximum length of a sender, in characters (code points). */
const maxSenderCharacters = 256;

export const senderSchema = z
  .string("must be a string")
  .refine((sender) => sender.length > 0, "must not be empty")
  .refine(
    (sender) => sender.length <= maxSenderCharacters || Array.from(sender).length <= maxSenderCharacters,
    `must have at most ${maxSenderCharacters} characters`,
  )
  .refine((sender) => sender.isWellFormed(), "must be well-formed Unicode, without lone surrogates")
  .meta({
    description:
      "Your own id of the author, 1 to 256 characters. Confab returns it as it is, and searches can filter by it.",
    minLength: 1,
    maxLength: maxSenderCharacters,
    examples: ["user-17"],
  });

/**
 * The content of a message as a client sends it. docs/how-to/change-confab.md lists what a new field needs besides a
 * line here and in `contentOutput`.
 */
export const contentInput = {
  body: messageBodySchema,
  sender: senderSchema.nullish(),
  metadata: metadataSchema(maxMessageMetadataBytes).nullish(),
  reply_to: numberSchema.nullish().meta({
    description: "The number of an earlier message of the same chat that this one answers",
    examples: [1],
  }),
};

/** The same fields as Confab returns them. Every field except the body may be null. */
export const contentOutput = {
  body: z.string().meta({ description: "The text, byte for byte as it was sent", examples: ["Hello world"] }),
  sender: z
    .string()
    .nullable()
    .meta({ description: "The author's id in your own system", examples: ["user-17"] }),
  metadata: metadataOutput.meta({ description: "Your own data about the message, as it was sent" }),
  reply_to: z
    .int()
    .nullable()
    .meta({ description: "The number of the message that this one answers", examples: [1] }),
};

/** The content of a message in all its shapes: request, pending record, row and search document. */
export type MessageContent = z.infer<z.ZodObject<typeof contentInput>>;

/** The content with all its fields, as Confab returns it. */
export type ReturnedContent = z.infer<z.ZodObject<typeof contentOutput>>;

type OtherFields = { [Field in Exclude<keyof ReturnedContent, "body">]: ReturnedContent[Field] | undefined };

/** Names of all fields of a message's content. */
export const contentFields = Object.keys(contentOutput) as readonly (keyof ReturnedContent)[];

/**
 * Upper bound for the size of a message's content, as `contentBytes` measures it. It allows more than the other fields
 * can need as JSON.
 */
export const maxContentBytes = maxBodyBytes + maxMessageMetadataBytes + 6 * 2 * maxSenderCharacters + 64;

/** Returns only the content of an object that may have more fields. A missing field becomes null. */
export function contentOf({ body, sender, metadata, reply_to }: MessageContent): ReturnedContent {
  return { body, sender: sender ?? null, metadata: metadata ?? null, reply_to: reply_to ?? null };
}

/**
 * Returns the size in bytes of the body plus the other fields as JSON. Pages, batches and statements limit this size. A
 * caller that already knows the size of the body can pass it.
 */
export function contentBytes(content: MessageContent, bodyBytes = Buffer.byteLength(content.body)): number {
  return bodyBytes + Buffer.byteLength(encodeOtherFields(content));
}

/** Encodes all fields except the body as JSON on one line, or as an empty text if none is given. */
export function encodeOtherFields(content: MessageContent): string {
  const { sender, metadata, reply_to } = content;
  // Most messages have no other fields, and an empty text costs less than JSON without a field.
  if ((sender ?? metadata ?? reply_to ?? undefined) === undefined) return "";
  // JSON leaves out undefined fields. The metadata comes last, so that `decodeContent` can cut out its text.
  const given: OtherFields = {
    sender: sender ?? undefined,
    reply_to: reply_to ?? undefined,
    metadata: metadata ?? undefined,
  };
  return encodeJson(given);
}

/** The content of a message, as far as this version of Confab understands it. */
export interface DecodedContent {
  readonly content: MessageContent;
  /** Names of fields of a newer version of Confab. `content` lacks them, so the message can be shown but not stored. */
  readonly unknownFields: readonly string[];
}

/** Decodes a body and the result of `encodeOtherFields`. */
export function decodeContent(body: string, fields: string | null | undefined): DecodedContent {
  if (!fields) return { content: { body }, unknownFields: [] };
  // `metadataKey` cannot occur inside a string, because its quotes would be escaped there.
  const at = fields.indexOf(metadataKey);
  const [parsed, metadata] = at < 0 ? [fields] : [`${fields.slice(0, at).replace(/,$/, "")}}`, fields.slice(at, -1)];
  const others = JSON.parse(parsed) as Record<string, unknown>;
  const known: readonly string[] = contentFields;
  const unknownFields = Object.keys(others).filter((field) => !known.includes(field));
  for (const field of unknownFields) Reflect.deleteProperty(others, field);
  return {
    content: {
      body,
      ...others,
      ...(metadata !== undefined && { metadata: new JsonText(metadata.slice(metadataKey.length)) }),
    },
    unknownFields,
  };
}

const metadataKey = '"metadata":';
