/** A time in UTC with milliseconds, as MySQL writes it. */
export function sqlTime(time: Date): string {
  return time.toISOString().slice(0, 23).replace("T", " ");
}

/**
 * A text as a literal: quoted if it has none of the characters that mean something between quotes, and no control
 * characters; otherwise in hexadecimal, which has no such characters but doubles the text.
 */
export function sqlText(text: string): string {
  return unquotable.test(text) ? `_utf8mb4 x'${Buffer.from(text).toString("hex")}'` : `_utf8mb4'${text}'`;
}

const unquotable = /['\\\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** Bytes as a literal. */
export function sqlBytes(value: Uint8Array): string {
  return `x'${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}'`;
}
