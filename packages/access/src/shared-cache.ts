import { LRUCache } from "lru-cache";

/** A cache in which no owner holds more than a quarter of the bytes. */
export interface SharedCache<Value extends object> {
  get(id: string): Value | undefined;
  /**
   * Keeps a value of `size` bytes, unless it is larger than a quarter of the cache. Removes the owner's oldest values
   * until the owner holds at most a quarter of the cache.
   */
  keep(id: string, value: Value, owner: string, size: number): void;
}

/** The values of one owner: sizes in bytes by id, oldest first. */
interface Share {
  bytes: number;
  readonly sizes: Map<string, number>;
}

export function createSharedCache<Value extends object>(maxBytes: number): SharedCache<Value> {
  const shares = new Map<string, Share>();
  const entries = new LRUCache<string, { value: Value; owner: string }>({
    maxSize: maxBytes,
    dispose: ({ owner }, id) => {
      const share = shares.get(owner);
      if (share === undefined) return;
      share.bytes -= share.sizes.get(id) ?? 0;
      share.sizes.delete(id);
      if (share.sizes.size === 0) shares.delete(owner);
    },
  });

  return {
    get: (id) => entries.get(id)?.value,
    keep(id, value, owner, size) {
      if (size > maxBytes / 4) return;
      for (const oldest of shares.get(owner)?.sizes.keys() ?? []) {
        if ((shares.get(owner)?.bytes ?? 0) + size <= maxBytes / 4) break;
        entries.delete(oldest);
      }
      entries.set(id, { value, owner }, { size });
      const share = shares.get(owner) ?? { bytes: 0, sizes: new Map<string, number>() };
      share.bytes += size;
      share.sizes.set(id, size);
      shares.set(owner, share);
    },
  };
}
