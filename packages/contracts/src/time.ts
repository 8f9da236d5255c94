import { z } from "zod";

/** ISO 8601 in UTC with milliseconds, as every time in the API. */
export const timestampSchema = z.iso
  .datetime({ precision: 3 })
  .meta({ description: "ISO 8601, UTC, milliseconds", examples: ["2026-11-24T08:30:00.000Z"] });
