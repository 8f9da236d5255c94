import { z } from "zod";

/** The format of every time in the API: ISO 8601 in UTC with milliseconds. */
export const timestampSchema = z.iso
  .datetime({ precision: 3 })
  .meta({ description: "ISO 8601, UTC, milliseconds", examples: ["2026-11-24T08:30:00.000Z"] });
