import { z } from "zod";
import { JsonText, shapeOfJson } from "./json-text.ts";

/** Maximum size of a message's metadata, in bytes of JSON without white space. */
export const maxMessageMetadataBytes = 4 * 1024;
/** Maximum size of a chat's metadata, in bytes of JSON without white space. */
export const maxChatMetadataBytes = 16 * 1024;

/** Maximum number of nested levels. Deeper objects are refused, because many JSON libraries cannot read them. */
const maxDepth = 32;

/** A client's own data, kept as the text of a JSON object and never interpreted. */
export type Metadata = JsonText;

const example = { attachments: ["https://example.com/photo.jpg"] };

/** Accepts a JSON object of at most `maximum` bytes. */
export function metadataSchema(maximum: number): z.ZodType<Metadata> {
  const size = `${maximum / 1024} KiB`;
  const schema = z
    .unknown()
    .superRefine((value, context) => {
      const fault = faultOf(value, maximum, size);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    })
    .meta({
      override: { type: "object", additionalProperties: true },
      description: `Your own data, a JSON object of at most ${size}. Confab returns it as it is and replaces it as a whole.`,
      examples: [example],
    });
  return schema as z.ZodType<Metadata>;
}

/** Accepts an object: a `JsonText` where a service writes the answer, and a parsed object where a client reads it. */
const anyObject = z.unknown().refine((value) => typeof value === "object" && value !== null && !Array.isArray(value));

export const metadataOutput = (anyObject as unknown as z.ZodType<Metadata>)
  .meta({ override: { type: "object", additionalProperties: {} } })
  .nullable()
  .meta({ examples: [example] });

function faultOf(value: unknown, maximum: number, size: string): string | undefined {
  if (!(value instanceof JsonText)) return "must be an object";
  if (Buffer.byteLength(value.text) > maximum) return `must have at most ${size} as JSON`;
  const { levels, isWellFormed } = shapeOfJson(value.text);
  if (levels > maxDepth) return `must have at most ${maxDepth} levels`;
  if (!isWellFormed) return "must be well-formed Unicode, without lone surrogates";
  return undefined;
}
