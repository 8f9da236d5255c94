import { z } from "zod";
import { applicationTokenSchema, nameSchema } from "./application.ts";
import { timestampSchema } from "./time.ts";

/** Maximum number of a chat or message: that of MySQL's INT. */
export const maxNumber = 2_147_483_647;

/** The JSON schema of a number that arrives as text, in a path or a query. */
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

export const chatSchema = z
  .strictObject({
    application_token: applicationTokenSchema,
    number: chatNumberSchema,
    name: nameSchema.nullable(),
    messages_count: z
      .int()
      .nonnegative()
      .meta({ description: "How many messages are stored", examples: [12] }),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: "Chat", description: "A numbered conversation in an application. It owns messages." });
export type Chat = z.infer<typeof chatSchema>;

export const createChatSchema = z
  .object({ name: nameSchema.nullish() })
  .meta({ id: "CreateChat", description: "A new chat, with or without a name" });
export const writeChatSchema = z
  .object({ name: nameSchema.nullable() })
  .meta({ id: "WriteChat", description: "The name of a chat; null removes it" });
