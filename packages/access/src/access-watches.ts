import { giveWay } from "@confab/async";
import type { Keyring } from "./keyring.ts";
import type { Principal } from "./principal.ts";

export interface WatchesOptions {
  readonly keyring: Pick<Keyring, "current" | "onRead">;
  readonly staleMs: number;
  readonly intervalMs?: number;
}

interface Watch {
  readonly onEnd: Set<() => void>;
  expiresAt: number;
  readAt: number;
}

/**
 * Watches the principals of long-lived requests. Ends a request when its key is found to be revoked, when its principal
 * expires, or when the database has not confirmed the key for `staleMs`.
 */
export function createWatches({ keyring, staleMs, intervalMs = 250 }: WatchesOptions) {
  // All requests with one key share a watch.
  const watches = new Map<string | Principal, Watch>();
  let timer: NodeJS.Timeout | undefined;

  /** Ends the requests of a watch in slices, since thousands of streams may have the same key. */
  async function end(of: string | Principal): Promise<void> {
    const watch = watches.get(of);
    watches.delete(of);
    for (const onEnd of watch?.onEnd ?? []) {
      const turn = giveWay();
      if (turn !== undefined) await turn;
      // The request may have ended during the wait.
      if (watch?.onEnd.has(onEnd) === true) onEnd();
    }
  }

  const unlisten = keyring.onRead((keyId) => {
    if (watches.has(keyId) && keyring.current(keyId) === undefined) void end(keyId);
  });

  function check(): void {
    for (const [of, watch] of watches) {
      const key = typeof of === "string" ? keyring.current(of) : undefined;
      if (key) {
        watch.readAt = key.readAt;
        watch.expiresAt = key.principal.expiresAt;
      }
      const isStale = typeof of === "string" && performance.now() - watch.readAt > staleMs;
      if (isStale || watch.expiresAt <= Date.now()) void end(of);
    }
  }

  function add(of: string | Principal, expiresAt: number, onEnd: () => void): () => void {
    const watch = watches.get(of) ?? { onEnd: new Set(), expiresAt, readAt: performance.now() };
    watches.set(of, watch);
    watch.onEnd.add(onEnd);
    timer ??= setInterval(check, intervalMs).unref();
    return () => {
      watch.onEnd.delete(onEnd);
      if (watch.onEnd.size === 0 && watches.get(of) === watch) watches.delete(of);
      if (watches.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }

  return {
    /**
     * Calls `onEnd` at most once, when the principal may no longer do anything. Returns a function that ends the watch.
     */
    watch(principal: Principal, onEnd: () => void): () => void {
      const unwatch: (() => void)[] = [];
      const leave = (): void => {
        for (const end of unwatch) end();
      };
      const endOnce = (): void => {
        leave();
        onEnd();
      };
      const { keyId, user, expiresAt } = principal;
      // The key of a user token may expire or be revoked before the token expires.
      if (keyId !== undefined) unwatch.push(add(keyId, user ? Infinity : expiresAt, endOnce));
      if (keyId === undefined || user) unwatch.push(add(principal, expiresAt, endOnce));
      return leave;
    },

    stop(): void {
      unlisten();
      clearInterval(timer);
    },
  };
}
