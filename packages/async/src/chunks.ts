export interface ChunkLimits<T> {
  readonly maxItems: number;
  readonly maxSize: number;
  /** Returns how many items an item counts as; 1 by default. */
  readonly countOf?: (item: T) => number;
  /** Returns the size of one item, in the unit of `maxSize`. */
  readonly sizeOf: (item: T) => number;
}

/** Cuts items, in their order, into chunks within both limits. An item that is too large becomes its own chunk. */
export function* chunksOf<T>(
  items: readonly T[],
  { maxItems, maxSize, countOf = () => 1, sizeOf }: ChunkLimits<T>,
): Generator<T[]> {
  let chunk: T[] = [];
  let count = 0;
  let total = 0;
  for (const item of items) {
    const own = countOf(item);
    const size = sizeOf(item);
    if (chunk.length > 0 && (count + own > maxItems || total + size > maxSize)) {
      yield chunk;
      chunk = [];
      count = 0;
      total = 0;
    }
    chunk.push(item);
    count += own;
    total += size;
  }
  if (chunk.length > 0) yield chunk;
}
