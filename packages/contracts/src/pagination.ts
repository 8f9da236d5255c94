import { z } from "zod";
import { asInteger, maxChangeNumber, maxNumber } from "./chat.ts";
import { senderSchema } from "./message-content.ts";
import { readerSchema } from "./reads.ts";
import { streamPositionSchema } from "./stream-position.ts";

export const defaultLimit = 50;
export const maxLimit = 200;

const whole = (minimum: number, maximum: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,16}$/, `must be a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .pipe(z.int().min(minimum, `must be at least ${minimum}`).max(maximum, `must be at most ${maximum}`));

export const limitSchema = whole(1, maxLimit)
  .optional()
  .transform((limit) => limit ?? defaultLimit)
  .meta({
    override: asInteger(1, maxLimit, defaultLimit),
    description: "Maximum number of entries. A page also ends where its contents reach 1 MiB.",
  });

/** Maximum number of seconds that a request may wait for messages; reverse proxies must wait longer. */
export const maxWaitSeconds = 30;

const numberParameter = (
  minimum: number,
  description: string,
  maximum = maxNumber,
): z.ZodType<number | undefined, string | undefined> =>
  whole(minimum, maximum)
    .optional()
    .meta({ override: asInteger(minimum, maximum), description });

// Cursors are opaque to clients. Their patterns are exact, so that a value that fits one is a position in the list.
const cursor = (pattern: RegExp): z.ZodString => z.string().regex(pattern, "must be a cursor taken from a Link header");

/** A time in milliseconds to the base of 36, and the beginning of a token. */
export const applicationCursorSchema = cursor(/^[0-9a-z]{8,9}-[0-9a-f-]{8,36}$/);
/** A time in milliseconds to the base of 36, or none, and a chat's number. */
const activityCursorSchema = cursor(/^([0-9a-z]{8,9}|none)-[1-9][0-9]{0,9}$/);
/** The same of a chat that has messages. */
const unreadCursorSchema = cursor(/^[0-9a-z]{8,9}-[1-9][0-9]{0,9}$/);
const searchPosition = /^before-[1-9][0-9]{0,9}$/;
const applicationSearchPosition = /^[0-9a-z]{8}-[1-9][0-9]{0,9}-[1-9][0-9]{0,9}$/;
/** A message's number. */
export const searchPositionSchema = cursor(searchPosition);
/** A time in milliseconds to the base of 36, a chat's number and a message's number. */
export const applicationSearchPositionSchema = cursor(applicationSearchPosition);
/** A direction and a message's number. */
const messageCursorSchema = cursor(/^(after|before)-(0|[1-9][0-9]{0,9})$/);

export const applicationsQuerySchema = z.object({
  limit: limitSchema,
  after: applicationCursorSchema.optional().meta({ description: "Continue at this cursor, from a Link header" }),
});

const cannotCombine = (others: string): string => `cannot be combined with ${others}`;

export const chatsQuerySchema = z
  .object({
    limit: limitSchema,
    after: numberParameter(0, "The page right after the chat with this number"),
    before: numberParameter(0, "The page right before the chat with this number"),
    order: z.enum(["number", "activity"], "must be number or activity").default("number").meta({
      description: "By number, ascending, or by the time of the latest stored message, the most recent chat first",
    }),
    cursor: activityCursorSchema
      .optional()
      .meta({ description: "With `order=activity`, continue at this cursor, from a Link header" }),
  })
  .refine(({ after, before }) => after === undefined || before === undefined, {
    path: ["before"],
    error: cannotCombine("after"),
  })
  .refine(({ order, after, before }) => order === "number" || (after ?? before) === undefined, {
    path: ["order"],
    error: "must be number with after or before",
  })
  .refine(({ order, cursor }) => order === "activity" || cursor === undefined, {
    path: ["cursor"],
    error: "requires order=activity",
  });

export const messagesQuerySchema = z
  .object({
    limit: limitSchema,
    after: numberParameter(0, "The page right after this number; with `before`, only numbers above it"),
    before: numberParameter(0, "The page right before this number; with `after`, only numbers below it"),
    around: numberParameter(1, "The page around this number, which is in its middle; not with `after` or `before`"),
    order: z
      .enum(["asc", "desc"], "must be asc or desc")
      .default("asc")
      .meta({ description: "By number, ascending from the first message or descending from the last one" }),
    cursor: messageCursorSchema
      .optional()
      .meta({ description: "Continue between `after` and `before` at this cursor, from a Link header" }),
    numbering: numberParameter(
      1,
      "With `after`, from the Link header by which you got the number: if Redis has lost messages since then, the answer is 409 `position-reset` instead of a page that may have a hole",
    ),
    wait: whole(1, maxWaitSeconds)
      .optional()
      .meta({
        override: asInteger(1, maxWaitSeconds),
        description:
          "With `after`: if there is no such message, wait up to this many seconds for one. The page is empty if none arrives, and when the process stops; ask again with the same `after`. Only with the order `asc`.",
      }),
  })
  .refine(({ wait, after }) => wait === undefined || after !== undefined, {
    path: ["wait"],
    error: "requires after, the number of the last message that you have; 0 if you have none",
  })
  .refine(({ wait, before, around, cursor }) => wait === undefined || (before ?? around ?? cursor) === undefined, {
    path: ["wait"],
    error: cannotCombine("before, around or cursor"),
  })
  .refine(({ wait, order }) => wait === undefined || order === "asc", {
    path: ["wait"],
    error: "cannot be combined with the order desc: a client that waits reads the next messages",
  })
  .refine(({ around, after, before, cursor }) => around === undefined || (after ?? before ?? cursor) === undefined, {
    path: ["around"],
    error: cannotCombine("after, before or cursor"),
  });
export type MessagesQuery = z.infer<typeof messagesQuerySchema>;

export const changesQuerySchema = z.object({
  limit: limitSchema,
  after: numberParameter(0, "Only changes after this change number; 0 for all", maxChangeNumber).transform(
    (after) => after ?? 0,
  ),
});

export const historyQuerySchema = z.object({
  limit: limitSchema,
  after: numberParameter(0, "Only versions after this one; 0 for all").transform((after) => after ?? 0),
});

const ticketParameter = z.string().optional().meta({ description: "A ticket, in place of the header `Authorization`" });

export const streamQuerySchema = z.object({
  ticket: ticketParameter,
  after: streamPositionSchema.optional().meta({
    description:
      "Begin after this event: a message's number, or the id of an event. 0 begins with the first message. Without it, and without Last-Event-ID, the stream begins now.",
    examples: ["41-3.1"],
  }),
});

/** Maximum number of chats in one stream. */
export const maxStreamChats = 300;

const chatsParameter = (maximum: number, description: string) =>
  z
    .string()
    .regex(/^[1-9][0-9]{0,9}(,[1-9][0-9]{0,9})*$/, "must be numbers of chats, separated by commas")
    .transform((text) => [...new Set(text.split(",").map(Number))])
    .refine((numbers) => numbers.length <= maximum, `must have at most ${maximum} numbers`)
    .refine((numbers) => numbers.every((number) => number <= maxNumber), `must have numbers of at most ${maxNumber}`)
    .meta({ description: `${description}: at most ${maximum} numbers, separated by commas`, examples: ["1,7"] });

export const chatsStreamQuerySchema = z.object({
  ticket: ticketParameter,
  chats: chatsParameter(maxStreamChats, "The chats to follow"),
  after: z
    .string()
    .optional()
    .meta({
      description:
        "Begin after this event: the id of an event of a stream of several chats of this application, with the same chats or others. A chat that the id does not know begins now. 0 begins with the first messages. Without it, and without Last-Event-ID, the stream begins now.",
      examples: ["0"],
    }),
});

export const readsQuerySchema = z.object({
  limit: limitSchema,
  after: readerSchema
    .optional()
    .meta({ description: "Only readers after this one, in the order of their code points" }),
});

export const unreadQuerySchema = z.object({
  reader: readerSchema,
  limit: limitSchema,
  cursor: unreadCursorSchema.optional().meta({ description: "Continue at this cursor, from a Link header" }),
});

/** Maximum length of a query, in characters (code points). The search itself limits words and phrases. */
export const maxQueryCharacters = 256;

/** Maximum number of chats that a search across an application may be limited to. */
export const maxSearchChats = 100;

const timeParameter = (description: string): z.ZodType<Date | undefined, string | undefined> =>
  z.iso
    .datetime({ offset: true, error: "must be an ISO 8601 time with a time zone, for example 2026-11-24T08:30:00Z" })
    .transform(wholeMilliseconds)
    .optional()
    .meta({ description, examples: ["2026-11-24T08:30:00Z"] });

/**
 * Returns the first millisecond that is not before a time. Times of messages are whole milliseconds of the years 1970
 * to 9999.
 */
function wholeMilliseconds(text: string): Date {
  const milliseconds = Date.parse(text) + (/\.\d{3}\d*[1-9]/.test(text) ? 1 : 0);
  return new Date(Math.min(Math.max(milliseconds, 0), Date.UTC(9999, 11, 31)));
}

const searchFilters = {
  q: z
    .string()
    .refine((q) => q.trim().length > 0, "must not be empty")
    .refine((q) => Array.from(q).length <= maxQueryCharacters, `must have at most ${maxQueryCharacters} characters`)
    .optional()
    .meta({
      description:
        "The words to find; required without `sender`. A message matches if it contains all of them, also inside longer words. Double quotes around words make a phrase, which must occur as it is written. A query has at most 16 words and phrases. Case and accents do not matter, and every other character is literal.",
      minLength: 1,
      maxLength: maxQueryCharacters,
      pattern: "\\S",
      examples: ["hell"],
    }),
  sender: senderSchema.optional().meta({ description: "Only messages with exactly this sender" }),
  from: timeParameter("Only messages that were created at this time or later"),
  to: timeParameter("Only messages that were created before this time"),
};
const hasWordsOrSender = ({ q, sender }: { q?: string | undefined; sender?: string | undefined }): boolean =>
  (q ?? sender) !== undefined;
const wordsOrSender = { path: ["q"], error: "is required, unless sender is given" };

/** The pages of a search. By relevance, a cursor begins with a rank. The search itself refuses cursors of the other order. */
const searchPage = (position: RegExp) => ({
  order: z.enum(["newest", "relevance"], "must be newest or relevance").default("newest").meta({
    description:
      "Newest first, or the most relevant first: messages in which the words of the query stand next to each other, then those that have them as whole words, then at the beginnings of words, then the others. Among equals, the newest comes first.",
  }),
  limit: limitSchema,
  cursor: cursor(new RegExp(position.source.replace("^", "^([0-3]-)?")))
    .optional()
    .meta({ description: "Continue at this cursor, from a Link header of the same order" }),
});

export const searchQuerySchema = z
  .object({ ...searchFilters, ...searchPage(searchPosition) })
  .refine(hasWordsOrSender, wordsOrSender);

const applicationSearchFilters = {
  ...searchFilters,
  chats: chatsParameter(maxSearchChats, "Only these chats").optional(),
};

export const applicationSearchQuerySchema = z
  .object({ ...applicationSearchFilters, ...searchPage(applicationSearchPosition) })
  .refine(hasWordsOrSender, wordsOrSender);
export type ApplicationSearchQuery = z.infer<typeof applicationSearchQuerySchema>;

export const hitCountsQuerySchema = z
  .object({ ...applicationSearchFilters, limit: limitSchema })
  .refine(hasWordsOrSender, wordsOrSender);
export type HitCountsQuery = z.infer<typeof hitCountsQuerySchema>;

/** The parameters in which another page's query differs from this one's; `undefined` removes a parameter. */
export type PageQuery = Record<string, string | number | undefined>;

export const linkRelations = ["first", "prev", "next", "last"] as const;
export type LinkRelation = (typeof linkRelations)[number];

/** The pages that a page links to. */
export type PageLinks = Partial<Record<LinkRelation, PageQuery | undefined>>;

/**
 * Returns the Link header (RFC 8288) of a page: for each relation, the same path with some parameters replaced.
 * `undefined` if there is no other page.
 */
export function linkHeader(
  path: string,
  query: Record<string, string | number | undefined>,
  links: PageLinks,
): string | undefined {
  const parts: string[] = [];
  for (const relation of linkRelations) {
    const changes = links[relation];
    if (changes === undefined) continue;
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...query, ...changes }))
      if (value !== undefined) parameters.set(name, String(value));
    const text = parameters.toString();
    parts.push(`<${path}${text === "" ? "" : `?${text}`}>; rel="${relation}"`);
  }
  return parts.length > 0 ? parts.join(", ") : undefined;
}
