import { z } from "zod";
import { applicationTokenSchema } from "./application.ts";
import { chatNumberSchema, numberSchema } from "./chat.ts";
import { contentInput, contentOutput } from "./message-content.ts";
import { timestampSchema } from "./time.ts";

export const maxBatchItems = 1_000;

export const messageNumberSchema = numberSchema.meta({
  description: "A message's number in its chat, from 1",
  examples: [1],
});

const messageShape = {
  application_token: applicationTokenSchema,
  chat_number: chatNumberSchema,
  number: messageNumberSchema,
  ...contentOutput,
  created_at: timestampSchema,
  updated_at: timestampSchema,
};

export const messageSchema = z.strictObject(messageShape).meta({ id: "Message" });
export type Message = z.infer<typeof messageSchema>;

export const searchHitSchema = z
  .strictObject({
    ...messageShape,
    highlights: z
      .array(z.string())
      .meta({ description: "Fragments of the body, HTML-escaped, what was found in <mark>" }),
  })
  .meta({ id: "SearchHit" });
export type SearchHit = z.infer<typeof searchHitSchema>;

export const createMessageSchema = z
  .object({ application_token: applicationTokenSchema, chat_number: chatNumberSchema, ...contentInput })
  .meta({ id: "CreateMessage" });
export type CreateMessage = z.infer<typeof createMessageSchema>;

/** Visible ASCII, so that it can be a header as well as a field. */
export const idempotencyKeySchema = z
  .string("must be a string")
  .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 visible ASCII characters")
  .meta({
    description: "Remembered for 24 hours: the same key and body again gives the first answer",
    examples: ["order-4711-note-1"],
  });

export const batchItemSchema = createMessageSchema
  .extend({ idempotency_key: idempotencyKeySchema.optional() })
  // Registered as a component of its own, it would be described as an answer, which has no other fields.
  .meta({ id: "BatchItem", override: ({ jsonSchema }) => delete jsonSchema.additionalProperties });
export type BatchItem = z.infer<typeof batchItemSchema>;

/** The items are checked one by one, so that a bad one costs its neighbours nothing. */
export const createBatchSchema = z
  .object({
    messages: z
      .array(z.unknown(), "must be an array")
      .min(1, "must not be empty")
      .meta({ override: { items: { $ref: "#/components/schemas/BatchItem" }, maxItems: maxBatchItems } }),
  })
  .meta({ id: "CreateBatch" });

export const refusedItemSchema = z
  .strictObject({
    status: z.int().min(400),
    type: z.string(),
    title: z.string(),
    detail: z.string().optional(),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: "RefusedItem" });
export type RefusedItem = z.infer<typeof refusedItemSchema>;

export const acceptedItemSchema = z
  .strictObject({ status: z.literal(201), ...messageShape })
  .meta({ id: "AcceptedItem" });
export type AcceptedItem = z.infer<typeof acceptedItemSchema>;

export const batchAnswerSchema = z
  .strictObject({
    accepted: z.int().nonnegative(),
    refused: z.int().nonnegative(),
    results: z.array(z.union([acceptedItemSchema, refusedItemSchema])),
  })
  .meta({ id: "BatchAnswer" });
export type BatchAnswer = z.infer<typeof batchAnswerSchema>;
