/** Collects bytes from several chunks, up to a limit; beyond it they are dropped. */
export interface Pieces {
  add(chunk: Uint8Array, from: number, to: number): void;
  /** The bytes since the last call, in one piece; undefined if they exceeded the limit. */
  finish(): Buffer | undefined;
  readonly length: number;
}

export function createPieces(limitBytes: number): Pieces {
  let parts: Uint8Array[] = [];
  let length = 0;
  return {
    add(chunk, from, to) {
      if (to <= from) return;
      length += to - from;
      if (length > limitBytes) parts = [];
      else parts.push(chunk.subarray(from, to));
    },
    finish() {
      const whole = length > limitBytes ? undefined : Buffer.concat(parts, length);
      parts = [];
      length = 0;
      return whole;
    },
    get length() {
      return length;
    },
  };
}
