import { z } from "zod";

/** Maximum size of a message's metadata, in bytes of JSON without white space. */
export const maxMessageMetadataBytes = 4 * 1024;
/** The same of a chat. */
export const maxChatMetadataBytes = 16 * 1024;

/** Deeper objects are refused, because many JSON libraries cannot read them. */
const maxDepth = 32;

/** A client's own data, kept as JSON and never interpreted. */
export type Metadata = Record<string, unknown>;

const example = { attachments: ["https://example.com/photo.jpg"] };

/** A JSON object of at most `maximum` bytes. */
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

export const metadataOutput = z
  .record(z.string(), z.unknown())
  .nullable()
  .meta({ examples: [example] });

function faultOf(value: unknown, maximum: number, size: string): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  if (!isFlat(value, maxDepth)) return `must have at most ${maxDepth} levels`;
  if (Buffer.byteLength(JSON.stringify(value)) > maximum) return `must have at most ${size} as JSON`;
  return undefined;
}

function isFlat(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isFlat(member, levels - 1));
}
