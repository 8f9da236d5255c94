import { z } from "zod";
import { senderSchema } from "./message-content.ts";
import { metadataSchema } from "./metadata.ts";

/** Maximum size of a signal's data, in bytes of JSON without white space. */
export const maxSignalDataBytes = 1024;

export const sendSignalSchema = z
  .object({
    sender: senderSchema.nullish().meta({
      ...senderSchema.meta(),
      description:
        "Your own id of the sender, as in a message. It may be absent with a user token, whose user it is; otherwise it is required",
    }),
    type: z
      .string("must be a string")
      .regex(/^[a-z][a-z0-9._-]{0,63}$/, "must be 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter")
      .meta({ description: "Your own name of what happens, such as typing", examples: ["typing"] }),
    data: metadataSchema(maxSignalDataBytes)
      .nullish()
      .meta({ description: "Your own data, a JSON object of at most 1 KiB", examples: [{ device: "phone" }] }),
  })
  .meta({ id: "SendSignal", description: "Something that happens now, such as typing, and that is not kept" });
