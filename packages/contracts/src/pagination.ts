import { z } from "zod";
import { asInteger, maxNumber } from "./chat.ts";

export const defaultLimit = 50;
export const maxLimit = 200;

const whole = (least: number, most: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .pipe(z.int().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`));

export const limitSchema = whole(1, maxLimit)
  .optional()
  .transform((limit) => limit ?? defaultLimit)
  .meta({
    override: asInteger(1, maxLimit, defaultLimit),
    description: "How many at the most; a page of messages or hits ends earlier where their bodies reach 1 MiB",
  });

const place = (description: string): z.ZodType<number | undefined, string | undefined> =>
  whole(0, maxNumber)
    .optional()
    .meta({ override: asInteger(0, maxNumber), description });

// Cursors are opaque to clients. Their patterns are exact, so that whatever fits one is a place in the list.
const cursor = (pattern: RegExp): z.ZodString => z.string().regex(pattern, "must be a cursor taken from a Link header");

/** A time in milliseconds, to the base of 36, and the beginning of a token. */
export const applicationCursorSchema = cursor(/^[0-9a-z]{8,9}-[0-9a-f-]{8,36}$/);
/** A message's number. */
export const searchCursorSchema = cursor(/^before-[1-9][0-9]{0,9}$/);

export const applicationsQuerySchema = z.object({
  limit: limitSchema,
  after: applicationCursorSchema.optional().meta({ description: "Continue after this cursor, from a Link header" }),
});
export const chatsQuerySchema = z.object({ limit: limitSchema, after: place("Only chats with a greater number") });
export const messagesQuerySchema = z.object({
  limit: limitSchema,
  after: place("The page right after this number; with order=desc and `before`, the number above which it ends"),
  before: place("The page right before this number; with order=asc and `after`, the number below which it ends"),
  order: z
    .enum(["asc", "desc"], "must be asc or desc")
    .default("asc")
    .meta({ description: "By number, ascending or descending; without a place, from the first or from the last" }),
});
export type MessagesQuery = z.infer<typeof messagesQuerySchema>;

/** A search's limits; beyond them a query is refused, not cut. */
export const maxQueryCharacters = 256;
export const maxQueryTerms = 16;

export const searchQuerySchema = z.object({
  q: z
    .string("is required")
    .refine((q) => q.trim().length > 0, "must not be empty")
    .refine((q) => Array.from(q).length <= maxQueryCharacters, `must have at most ${maxQueryCharacters} characters`)
    .refine((q) => q.trim().split(/\s+/u).length <= maxQueryTerms, `must have at most ${maxQueryTerms} words`)
    .meta({
      description:
        "Every word of it must occur in the message, also inside words; case and accents do not matter; every character is literal",
      minLength: 1,
      maxLength: maxQueryCharacters,
      pattern: "\\S",
      examples: ["hell"],
    }),
  limit: limitSchema,
  cursor: searchCursorSchema.optional().meta({ description: "Continue at this cursor, from a Link header" }),
});

/** What another page's query changes in this one's; `undefined` takes a parameter away. */
export type PagePlace = Record<string, string | number | undefined>;

export interface PageLinks {
  next?: PagePlace | undefined;
  prev?: PagePlace | undefined;
}

/**
 * The Link header (RFC 8288) of a page: the same path with the query's parameters replaced by those of each relation.
 * `undefined` where there is neither a next nor a previous page.
 */
export function linkHeader(
  path: string,
  query: Record<string, string | number | undefined>,
  links: PageLinks,
): string | undefined {
  const parts: string[] = [];
  for (const relation of ["prev", "next"] as const) {
    const place = links[relation];
    if (place === undefined) continue;
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...query, ...place }))
      if (value !== undefined) parameters.set(name, String(value));
    parts.push(`<${path}?${parameters.toString()}>; rel="${relation}"`);
  }
  return parts.length > 0 ? parts.join(", ") : undefined;
}
