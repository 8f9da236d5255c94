import { z } from "zod";
import { chatNumberSchema, maxNumber } from "./chat.ts";
import { senderSchema } from "./message-content.ts";
import { timestampSchema } from "./time.ts";

/** A sender that can be part of a path. Clients remove `.` and `..` from paths, so these are refused. */
export const readerSchema = senderSchema
  .refine((reader) => reader !== "." && reader !== "..", "must not be . or .., which clients remove from paths")
  .meta({
    ...senderSchema.meta(),
    description: "Your own id of somebody who reads, 1 to 256 characters like a sender. It must not be `.` or `..`.",
  });

const horizonSchema = z
  .int()
  .nonnegative()
  .meta({ description: "The number up to which the reader has read the chat; 0 if nothing was read", examples: [40] });

const horizonShape = {
  reader: z.string().meta({ description: "The reader's id in your own system", examples: ["user-17"] }),
  number: horizonSchema,
};

export const readHorizonSchema = z
  .strictObject({
    ...horizonShape,
    updated_at: timestampSchema.meta({ description: "When the horizon was last moved" }),
  })
  .meta({ id: "ReadHorizon", description: "How far a reader has read a chat" });
export type ReadHorizon = z.infer<typeof readHorizonSchema>;

const unreadSchema = z
  .int()
  .nonnegative()
  .meta({
    description: "How many messages above the horizon can be read; deleted messages and dead letters do not count",
    examples: [2],
  });

export const readStateSchema = z
  .strictObject({
    ...horizonShape,
    unread: unreadSchema,
    updated_at: timestampSchema
      .nullable()
      .meta({ description: "When the horizon was last moved; null if it never was" }),
  })
  .meta({ id: "ReadState", description: "How far a reader has read a chat, and how many messages are unread" });
export type ReadState = z.infer<typeof readStateSchema>;

export const writeReadHorizonSchema = z
  .object({
    number: z
      .int("must be a whole number")
      .min(0, "must be at least 0")
      .max(maxNumber, `must be at most ${maxNumber}`)
      .meta({
        description: "The number of the last message that was read, at most the last one of the chat",
        examples: [40],
      }),
  })
  .meta({ id: "WriteReadHorizon", description: "How far a reader has read a chat" });

export const unreadChatSchema = z
  .strictObject({
    chat_number: chatNumberSchema,
    number: horizonSchema,
    unread: z
      .int()
      .positive()
      .meta({ description: "How many stored messages above the horizon can be read", examples: [2] }),
    last_message_number: z
      .int()
      .positive()
      .meta({ description: "The highest number of a stored message", examples: [42] }),
    last_message_at: timestampSchema.meta({ description: "When the latest stored message was accepted" }),
  })
  .meta({ id: "UnreadChat", description: "A chat with stored messages that a reader has not read" });
export type UnreadChat = z.infer<typeof unreadChatSchema>;
