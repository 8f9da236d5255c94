import { z } from "zod";

const durationUnitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Accepts a whole number within both bounds. Refuses "", "1e3", "0x10" and " 1". */
export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}) {
  const form =
    max === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${min}` : `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,16}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
    .meta({ form });
}

/** Accepts a TCP port; 0 lets the system choose a free one. */
export function port() {
  return integer({ min: 0, max: 65_535 }).meta({ form: "a port number from 0 to 65535" });
}

/** Accepts a decimal number within both bounds, such as a ratio. */
export function decimal({ min, max }: { min: number; max: number }) {
  return z
    .string()
    .regex(/^-?\d+(\.\d+)?$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
    .meta({ form: `a number from ${min} to ${max}` });
}

/** Accepts a switch: on, true, yes or 1, and off, false, no or 0, in upper or lower case. */
export function onOff() {
  return z
    .stringbool({ truthy: ["true", "yes", "on", "1"], falsy: ["false", "no", "off", "0"] })
    .meta({ form: "on or off" });
}

/**
 * Accepts a duration such as `500ms`, `10s`, `5m`, `2h` or `7d`, and converts it to milliseconds. A number without a
 * unit is in milliseconds.
 */
export function durationMs({ min = "0" }: { min?: string } = {}) {
  const atLeast = min === "0" ? "" : `, at least ${min}`;
  return z
    .string()
    .regex(/^\d{1,12}(ms|s|m|h|d)?$/)
    .transform((text) => quantity(text, durationUnitsMs))
    .refine((value) => value >= quantity(min, durationUnitsMs) && Number.isSafeInteger(value))
    .meta({ form: `a duration such as 500ms, 10s or 7d${atLeast}` });
}

/**
 * Accepts a size such as `512KiB`, `32MiB` or `1GiB`, and converts it to bytes. A number without a unit is in bytes.
 */
export function bytes({ min = "0" }: { min?: string } = {}) {
  const atLeast = min === "0" ? "" : `, at least ${min}`;
  return z
    .string()
    .regex(/^\d{1,15}(KiB|MiB|GiB)?$/)
    .transform((text) => quantity(text, sizeUnits))
    .refine((value) => value >= quantity(min, sizeUnits) && Number.isSafeInteger(value))
    .meta({ form: `a size such as 512KiB, 32MiB or 1GiB${atLeast}` });
}

function quantity(text: string, units: Readonly<Record<string, number>>): number {
  const digits = /^\d+/.exec(text)?.[0] ?? "";
  return Number(digits) * (units[text.slice(digits.length)] ?? 1);
}

/** Accepts an absolute URL of one of the given schemes. The URL stays text, without a trailing slash. */
export function url({ schemes }: { schemes: readonly string[] }) {
  return z
    .string()
    .refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)))
    .transform((text) => text.replace(/\/$/, ""))
    .meta({ form: `a URL with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}` });
}

/**
 * Accepts one or more URLs of the given schemes, separated by commas. They stay text. User and password must be
 * percent-encoded.
 */
export function urls({ schemes }: { schemes: readonly string[] }) {
  return z
    .string()
    .refine((text) => text.split(",").every((part) => isUrl(part.trim(), schemes)))
    .meta({
      form: `one or more URLs with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}, separated by commas`,
    });
}

/**
 * Accepts origins of web pages, separated by commas, in the form that browsers send: `https://chat.example.com`, with a
 * port if it is not the default.
 */
export function origins() {
  return z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .refine((list) =>
      list.every((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? "") && new URL(text).origin === text),
    )
    .meta({ form: "one or more origins such as https://chat.example.com, separated by commas, without a path" });
}

function isUrl(text: string, schemes: readonly string[]): boolean {
  const address = URL.parse(text);
  if (address === null || address.hostname === "") return false;
  const encoded = /^(?:[^%]|%[0-9A-Fa-f]{2})*$/.test(address.username + address.password);
  return encoded && schemes.includes(address.protocol.slice(0, -1));
}

/** Accepts one or more host:port pairs, separated by commas. The port may be left out. */
export function hosts() {
  return z
    .string()
    .refine((text) => text.split(",").every((part) => /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(part.trim())))
    .meta({ form: "one or more of host:port, separated by commas" });
}

/** Accepts a secret: text that is kept out of error messages, logs and documentation. */
export function secret({ minLength = 1 }: { minLength?: number } = {}) {
  return z
    .string()
    .min(minLength)
    .meta({ secret: true, form: minLength > 1 ? `text of at least ${minLength} characters` : "text" });
}
