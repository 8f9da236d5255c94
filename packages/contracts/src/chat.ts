import { z } from "zod";
import { applicationTokenSchema, nameSchema, retentionSchema } from "./application.ts";
import { maxChatMetadataBytes, metadataOutput, metadataSchema } from "./metadata.ts";
import { timestampSchema } from "./time.ts";

/** Highest number that a chat or a message can have: the maximum of MySQL's INT. */
export const maxNumber = 2_147_483_647;

/** Highest change number. Change numbers are microseconds since 2026, so they suffice until 2311. */
export const maxChangeNumber = Number.MAX_SAFE_INTEGER;

/** Returns the JSON schema of a number that arrives as text, in a path or a query. */
export function asInteger(minimum: number, maximum: number, fallback?: number): Record<string, unknown> {
  return {
    type: "integer",
    minimum,
    maximum,
    pattern: undefined,
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

export const numberSchema = z
  .int("must be a whole number")
  .min(1, "must be at least 1")
  .max(maxNumber, `must be at most ${maxNumber}`);

export const chatNumberSchema = numberSchema.meta({
  description: "A chat's number in its application, from 1",
  examples: [1],
});

const retention = retentionSchema(0).nullable().meta({
  description:
    "Messages are deleted when they are older than this number of days; 0 keeps them for ever, and null means that the application's limit applies",
});

export const chatSchema = z
  .strictObject({
    application_token: applicationTokenSchema,
    number: chatNumberSchema,
    name: nameSchema.nullable(),
    metadata: metadataOutput.meta({ description: "Your own data about the chat, as it was sent" }),
    messages_count: z
      .int()
      .nonnegative()
      .meta({ description: "How many messages are stored", examples: [12] }),
    last_message_number: z
      .int()
      .nonnegative()
      .meta({ description: "The highest number of a stored message, 0 if there is none", examples: [12] }),
    last_message_at: timestampSchema
      .nullable()
      .meta({ description: "When the latest stored message was accepted; null if there is none" }),
    last_change_number: z
      .int()
      .nonnegative()
      .meta({
        description: "The change number of the latest edit or deletion of a message, 0 if there is none",
        examples: [28948533417206],
      }),
    retention_days: retention,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: "Chat", description: "A numbered conversation in an application. It owns messages." });
export type Chat = z.infer<typeof chatSchema>;

const chatMetadata = metadataSchema(maxChatMetadataBytes);

export const createChatSchema = z
  .object({ name: nameSchema.nullish(), metadata: chatMetadata.nullish(), retention_days: retention.optional() })
  .meta({ id: "CreateChat", description: "A new chat, with or without a name" });
export const writeChatSchema = z
  .object({ name: nameSchema.nullish(), metadata: chatMetadata.nullish(), retention_days: retention.optional() })
  .refine((fields) => Object.values(fields).some((value) => value !== undefined), {
    path: ["name"],
    error: "is required, unless metadata or retention_days is given",
  })
  .meta({
    id: "WriteChat",
    description: "The fields of a chat to change, at least one; null removes a value, and an absent field stays",
    override: { minProperties: 1 },
  });
