export interface ChunkLimits<T> {
  readonly maxItems: number;
  readonly maxSize: number;
  /** The size of one item, in the unit of `maxSize`. */
  readonly sizeOf: (item: T) => number;
}

/** Cuts items, in their order, into chunks within both limits; an item that is too large is a chunk of its own. */
export function* chunksOf<T>(items: readonly T[], { maxItems, maxSize, sizeOf }: ChunkLimits<T>): Generator<T[]> {
  let chunk: T[] = [];
  let total = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (chunk.length > 0 && (chunk.length === maxItems || total + size > maxSize)) {
      yield chunk;
      chunk = [];
      total = 0;
    }
    chunk.push(item);
    total += size;
  }
  if (chunk.length > 0) yield chunk;
}
