/** Returns the bytes by which the database compares an identifier chosen by a client. */
export function identifierBytes(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text));
}

/** Returns the identifier that a column of bytes contains. */
export function identifierText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
