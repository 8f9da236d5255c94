import { z } from "zod";
import { applicationTokenSchema } from "./application.ts";
import { senderSchema } from "./message-content.ts";
import { timestampSchema } from "./time.ts";

export const eraseSenderSchema = z
  .strictObject({ sender: senderSchema })
  .meta({ id: "EraseSender", description: "Whose messages are to be erased" });

export const erasureSchema = z
  .strictObject({
    application_token: applicationTokenSchema,
    sender: z.string().meta({ description: "Whose messages are erased", examples: ["user-17"] }),
    requested_at: timestampSchema.meta({ description: "Messages that were created later stay" }),
  })
  .meta({ id: "Erasure", description: "The erasure of what a sender wrote in an application" });
export type SenderErasure = z.infer<typeof erasureSchema>;
