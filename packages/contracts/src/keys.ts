import { z } from "zod";
import { nameSchema } from "./application.ts";
import { limitSchema } from "./pagination.ts";
import { publicKeySchema } from "./public-key.ts";
import { timestampSchema } from "./time.ts";

/** The scopes of keys, each with the actions that it allows. */
export const scopes = {
  read: "read the application, its chats, messages and read horizons, and follow streams",
  write: "create chats, send messages, and set read horizons",
  search: "search messages",
  edit: "change and delete chats and messages",
  admin:
    "rename and delete the application, erase what a sender wrote, and manage the application's keys; with an admin key, also create and list applications",
  import: "create chats and send batch requests, also with the original times of messages, and nothing else",
} as const satisfies Record<string, string>;

export type Scope = keyof typeof scopes;
export const scopeNames = Object.keys(scopes) as [Scope, ...Scope[]];

const scopesSchema = z
  .array(z.enum(scopeNames, `must be one of ${scopeNames.join(", ")}`))
  .min(1, "must name at least one scope")
  .max(100, "must not repeat scopes")
  .meta({
    description: `The acts that the key allows. ${scopeNames.map((name) => `\`${name}\`: ${scopes[name]}`).join(". ")}.`,
    examples: [["read", "write"]],
  });

/** The public part of a key, which identifies the key in lists, in logs and in requests to rotate or revoke it. */
export const keyIdSchema = z
  .string()
  .regex(/^[0-9A-Za-z]{8}$/)
  .meta({ description: "The public id of a key, which is also a part of the key", examples: ["8Qn3fVbZ"] });

const expirySchema = timestampSchema.nullable().meta({ description: "When the key stops working; null if never" });

const keyShape = {
  key_id: keyIdSchema,
  name: nameSchema,
  scopes: scopesSchema,
  public_key: publicKeySchema
    .nullable()
    .meta({ description: "The public key that verifies user tokens; null for a key with a secret" }),
  created_at: timestampSchema,
  expires_at: expirySchema,
  last_used_at: timestampSchema
    .nullable()
    .meta({ description: "When the key was last used, accurate to about a minute; null if never" }),
  revoked_at: timestampSchema.nullable().meta({ description: "When the key was revoked; null if it was not" }),
};

export const keySchema = z
  .strictObject(keyShape)
  .meta({ id: "Key", description: "A key without its secret, which is shown only once" });
export type Key = z.infer<typeof keySchema>;

export const createdKeySchema = z
  .strictObject({
    ...keyShape,
    key: z.string().meta({
      description: "The key itself, for the header `Authorization: Bearer <key>`. It is shown only now: keep it.",
      examples: ["confab_8Qn3fVbZ_2wRtdVvNwTx8kYq5mZc1LhJ7pUe4GsB9aFo3KiXyD6n1Qbm4V"],
    }),
  })
  .meta({ id: "NewKey", description: "A new key with its secret" });
export type CreatedKey = z.infer<typeof createdKeySchema>;

const writtenKey = z.strictObject({
  name: nameSchema,
  scopes: scopesSchema,
  expires_at: z.iso
    .datetime({ offset: true, error: "must be a time such as 2027-01-01T00:00:00Z" })
    .transform((text) => new Date(text))
    .refine((time) => time.getTime() > Date.now(), "must be in the future")
    .refine((time) => time.getUTCFullYear() < 10_000, "must be before the year 10000")
    .nullable()
    .optional()
    .meta({
      override: { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] },
      description: "When the key stops working; never if it is absent or null",
      examples: ["2027-01-01T00:00:00Z"],
    }),
});

export const writeKeySchema = writtenKey.meta({ id: "WriteKey", description: "A new key" });

export const uploadKeySchema = writtenKey
  .extend({ public_key: publicKeySchema })
  .meta({ id: "UploadKey", description: "A public key of yours" });

const day = 86_400;
const longestGrace = 30 * day;

export const rotateKeySchema = z
  .strictObject({
    grace_seconds: z
      .int("must be a whole number")
      .min(0, "must be at least 0")
      .max(longestGrace, `must be at most ${longestGrace}`)
      .default(day)
      .meta({ description: "For how long the old key still works, in seconds; a day if absent", examples: [3600] }),
  })
  .meta({ id: "RotateKey", description: "How a key is replaced" });

export const keysQuerySchema = z.object({
  limit: limitSchema,
  after: keyIdSchema.optional().meta({ description: "Continue after the key with this id, from a Link header" }),
});

export const ticketSchema = z
  .strictObject({
    ticket: z.string().meta({
      description: "The value of the query parameter `ticket`",
      examples: ["confab_ticket_2wRtdVvNwTx8kYq5mZc1LhJ7pUe4GsB9aFo3KiXyD6n"],
    }),
    expires_at: timestampSchema.meta({ description: "Until when it opens a stream" }),
  })
  .meta({ id: "Ticket", description: "Opens one stream, once, in place of a header" });
export type Ticket = z.infer<typeof ticketSchema>;
