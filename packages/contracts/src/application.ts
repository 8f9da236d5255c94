import { z } from "zod";
import { timestampSchema } from "./time.ts";

export const applicationTokenSchema = z
  .uuid("must be an application token, a UUID")
  .toLowerCase()
  .meta({
    description:
      "The token of an application. It identifies the application and, where keys are not required, grants access to everything in it.",
    examples: ["2f0c8a9e-5d0b-4b52-9a63-0c6ab5c3b6f1"],
  });

export const nameSchema = z
  .string("must be a string")
  .refine((name) => name.trim().length > 0, "must not be empty")
  .refine((name) => Array.from(name).length <= 255, "must have at most 255 characters")
  .refine((name) => name.isWellFormed(), "must be well-formed Unicode, without lone surrogates")
  .meta({
    description: "1 to 255 characters, not only white space",
    minLength: 1,
    maxLength: 255,
    pattern: "\\S",
    examples: ["Support"],
  });

/** Maximum retention: a hundred years. */
const maxRetentionDays = 36_500;

/** Accepts a whole number of days, at least `min`. */
export function retentionSchema(min: 0 | 1) {
  return z
    .int("must be a whole number of days")
    .min(min, `must be at least ${min}`)
    .max(maxRetentionDays, `must be at most ${maxRetentionDays}`)
    .meta({ examples: [365] });
}

const retention = retentionSchema(1).nullable().meta({
  description: "Messages are deleted when they are older than this number of days; null keeps them for ever",
});

export const applicationSchema = z
  .strictObject({
    token: applicationTokenSchema,
    name: nameSchema,
    chats_count: z
      .int()
      .nonnegative()
      .meta({ description: "How many chats the application has", examples: [2] }),
    retention_days: retention,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: "Application", description: "A tenant. It owns chats." });
export type Application = z.infer<typeof applicationSchema>;

export const createApplicationSchema = z
  .object({ name: nameSchema, retention_days: retention.optional() })
  .meta({ id: "CreateApplication", description: "A new application" });

export const writeApplicationSchema = z
  .object({ name: nameSchema.optional(), retention_days: retention.optional() })
  .refine(({ name, retention_days }) => name !== undefined || retention_days !== undefined, {
    path: ["name"],
    error: "is required, unless retention_days is given",
  })
  .meta({
    id: "WriteApplication",
    description: "The fields of an application to change, at least one; an absent field stays",
    override: { minProperties: 1 },
  });
