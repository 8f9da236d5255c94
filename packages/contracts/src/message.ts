import { z } from "zod";
import { applicationTokenSchema } from "./application.ts";
import { chatNumberSchema, numberSchema } from "./chat.ts";
import { contentInput, contentOutput } from "./message-content.ts";
import { itemProblems, problemShape } from "./problem-document.ts";
import { problems } from "./problems.ts";
import { originalTimeSchema, timestampSchema } from "./time.ts";

export const maxBatchItems = 1_000;

/** Maximum number of earlier versions of a message, which limits the cost of its deletion. */
export const maxEarlierVersions = 1_000;

export const messageNumberSchema = numberSchema.meta({
  description: "A message's number in its chat, from 1",
  examples: [1],
});

const changeNumberSchema = z
  .int()
  .positive()
  .meta({ description: "Above the numbers of all earlier changes of the chat", examples: [28948533417206] });

const messageShape = {
  application_token: applicationTokenSchema,
  chat_number: chatNumberSchema,
  number: messageNumberSchema,
  ...contentOutput,
  body: contentOutput.body
    .nullable()
    .meta({ description: "The text, byte for byte as it was sent; null if the message was deleted" }),
  version: z
    .int()
    .positive()
    .meta({ description: "1, and one more with each change; the ETag of the message begins with it", examples: [1] }),
  change_number: changeNumberSchema.nullable().meta({
    description:
      "The change number of the last edit, of the deletion, or of storing the message late; null if there was none. The state with the higher one is the later, whatever its version",
  }),
  created_at: timestampSchema,
  updated_at: timestampSchema,
  edited_at: timestampSchema.nullable().meta({ description: "When the message was last edited; null if it never was" }),
  deleted_at: timestampSchema.nullable().meta({ description: "When the message was deleted; null if it was not" }),
};

export const messageSchema = z
  .strictObject(messageShape)
  .meta({ id: "Message", description: "A text in a chat, with a number" });
export type Message = z.infer<typeof messageSchema>;

export const editMessageSchema = z
  .object({ body: contentInput.body.optional(), metadata: contentInput.metadata })
  .refine(({ body, metadata }) => body !== undefined || metadata !== undefined, {
    path: ["body"],
    error: "is required, unless metadata is given",
  })
  .meta({
    id: "EditMessage",
    description:
      "The fields of a message to change, at least one; null removes the metadata, and an absent field stays",
    override: { minProperties: 1 },
  });
export type EditMessage = z.infer<typeof editMessageSchema>;

export const messageVersionSchema = z
  .strictObject({
    version: messageShape.version,
    body: contentOutput.body,
    metadata: contentOutput.metadata,
    created_at: timestampSchema.meta({ description: "When this version was written" }),
  })
  .meta({ id: "MessageVersion", description: "An earlier version of a message" });
export type MessageVersion = z.infer<typeof messageVersionSchema>;

export const searchHitSchema = z
  .strictObject({
    ...messageShape,
    highlights: z.array(z.string()).meta({
      description: "Fragments of the body, HTML-escaped, with each match in <mark>",
      examples: [["<mark>Hell</mark>o world"]],
    }),
  })
  .meta({ id: "SearchHit", description: "A message that a search found" });
export type SearchHit = z.infer<typeof searchHitSchema>;

export const chatHitsSchema = z
  .strictObject({
    chat_number: chatNumberSchema,
    hits_count: z
      .int()
      .positive()
      .meta({ description: "How many messages of the chat the search finds", examples: [41] }),
    exact: z.boolean().meta({
      description:
        "False if a word or phrase has more than 32 characters, because only the first 32 are compared; then fewer messages may match. Where MySQL does the searching, false if there are more messages than one search can read; then older hits are not counted.",
    }),
  })
  .meta({ id: "ChatHits", description: "A chat and the number of its messages that a search finds" });
export type ChatHits = z.infer<typeof chatHitsSchema>;

export const createMessageSchema = z
  .object({ application_token: applicationTokenSchema, chat_number: chatNumberSchema, ...contentInput })
  .meta({ id: "CreateMessage" });
export type CreateMessage = z.infer<typeof createMessageSchema>;

/** Only visible ASCII is allowed, so that the key can be a header and a field. */
export const idempotencyKeySchema = z
  .string("must be a string")
  .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 visible ASCII characters")
  .meta({
    description:
      "A name of your own for the request, remembered for 24 hours. A repetition with the same key and body has no second effect and receives the first answer.",
    examples: ["order-4711-note-1"],
  });

export const batchItemSchema = createMessageSchema
  .extend({ idempotency_key: idempotencyKeySchema.optional(), created_at: originalTimeSchema })
  // The generator describes every registered component as an answer, which has no other fields. A request may have
  // other fields.
  .meta({ id: "BatchItem", override: ({ jsonSchema }) => delete jsonSchema.additionalProperties });
export type BatchItem = z.infer<typeof batchItemSchema>;

/** Items are validated later, one by one, so that an invalid item does not affect the others. */
export const createBatchSchema = z
  .object({
    messages: z
      .array(z.unknown(), "must be an array")
      .min(1, "must not be empty")
      .meta({ override: { items: { $ref: "#/components/schemas/BatchItem" }, maxItems: maxBatchItems } }),
  })
  .meta({ id: "CreateBatch" });

const refusalStatuses = itemProblems.map((code) => problems[code].status);

export const refusedItemSchema = z
  .strictObject({
    // Each status is listed, so that generated clients can distinguish refused items from accepted ones.
    status: z.literal([...new Set(refusalStatuses)].sort((a, b) => a - b)).meta({ override: { type: "integer" } }),
    ...problemShape,
  })
  .meta({ id: "RefusedItem", description: "An item that was not accepted, with the problem that says why" });
export type RefusedItem = z.infer<typeof refusedItemSchema>;

export const acceptedItemSchema = z
  .strictObject({ status: z.literal(201).meta({ override: { type: "integer" } }), ...messageShape })
  .meta({ id: "AcceptedItem", description: "An item that was accepted: its message" });
export type AcceptedItem = z.infer<typeof acceptedItemSchema>;

export const batchAnswerSchema = z
  .strictObject({
    accepted: z
      .int()
      .nonnegative()
      .meta({ description: "How many items were accepted", examples: [1] }),
    refused: z
      .int()
      .nonnegative()
      .meta({ description: "How many items were refused", examples: [0] }),
    results: z
      .array(z.union([acceptedItemSchema, refusedItemSchema]))
      .meta({ description: "One result per item, in the order of the items" }),
  })
  .meta({ id: "BatchAnswer" });
export type BatchAnswer = z.infer<typeof batchAnswerSchema>;
