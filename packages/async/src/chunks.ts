export interface ChunkLimits<T> {
  readonly maxItems: number;
  readonly maxSize: number;
  /** For how many items an item counts (1). */
  readonly countOf?: (item: T) => number;
  /** The size of one item, in the unit of `maxSize`. */
  readonly sizeOf: (item: T) => number;
}

/** Cuts items, in their order, into chunks within both limits; an item that is too large is a chunk of its own. */
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
