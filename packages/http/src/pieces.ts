/** Collects bytes from several chunks up to a limit. Above the limit, all of them are dropped. */
export interface Pieces {
  add(chunk: Buffer, from: number, to: number): void;
  /**
   * Returns the bytes since the last call in one piece, which may share the memory of its chunk, or undefined if they
   * exceed the limit.
   */
  finish(): Buffer | undefined;
  readonly length: number;
}

export function createPieces(limitBytes: number): Pieces {
  let parts: Buffer[] = [];
  let length = 0;
  return {
    add(chunk, from, to) {
      if (to <= from) return;
      length += to - from;
      if (length > limitBytes) parts = [];
      else parts.push(chunk.subarray(from, to));
    },
    finish() {
      let whole = parts.length === 1 ? parts[0] : undefined;
      if (whole === undefined && length <= limitBytes) whole = Buffer.concat(parts, length);
      parts = [];
      length = 0;
      return whole;
    },
    get length() {
      return length;
    },
  };
}
