import { z } from "zod";

/** The format of every time in the API: ISO 8601 in UTC with milliseconds. */
export const timestampSchema = z.iso
  .datetime({ precision: 3 })
  .meta({ description: "ISO 8601, UTC, milliseconds", examples: ["2026-11-24T08:30:00.000Z"] });

/** Earliest time at which a message can have been sent. All stores and cursors can hold times from then on. */
const earliest = Date.UTC(1970, 0, 1);
/** How far a client's clock may be ahead, in ms. */
const aheadMs = 60_000;

/** Time at which a message was sent in another system, from which it is imported. */
export const originalTimeSchema = z.iso
  .datetime({ offset: true, error: "must be a time such as 2024-01-31T09:30:00Z" })
  .transform((text) => new Date(text))
  .refine((time) => time.getTime() >= earliest, "must not be before 1970")
  .refine((time) => time.getTime() <= Date.now() + aheadMs, "must not be in the future")
  .nullish()
  .meta({
    override: { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] },
    description:
      "When the message was sent, if you import it from another system; kept to the millisecond. It needs a key with the scope `import`. Numbers still give the order of a chat, so import the messages of a chat in the order of their times. A limit of age counts from it. Absent or null: now.",
    examples: ["2024-01-31T09:30:00Z"],
  });
