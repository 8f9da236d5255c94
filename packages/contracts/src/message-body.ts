import { z } from "zod";

/** Maximum size of a body in bytes of UTF-8: the capacity of MySQL's TEXT. */
export const maxBodyBytes = 65_535;

const notBlank = /\S/u;

/** Returns what is wrong with a message's body, or undefined if the body is valid. */
export function bodyFault(body: string): string | undefined {
  if (!notBlank.test(body)) return "must not be empty or only white space";
  if (!body.isWellFormed()) return "must be well-formed Unicode, without lone surrogates";
  // A UTF-16 unit takes at most three bytes of UTF-8, so the bytes of short texts need not be counted.
  if (body.length * 3 > maxBodyBytes && Buffer.byteLength(body) > maxBodyBytes) {
    return `must have at most ${maxBodyBytes} bytes of UTF-8`;
  }
  return undefined;
}

export const messageBodySchema = z
  .string("must be a string")
  .superRefine((body, context) => {
    const fault = bodyFault(body);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  })
  .meta({
    description: "1 to 65,535 bytes of UTF-8, not only white space. Confab returns it byte for byte.",
    minLength: 1,
    maxLength: maxBodyBytes,
    pattern: "\\S",
    examples: ["Hello world"],
  });
