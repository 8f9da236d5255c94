/** Bounds what is held in memory at once, by count and by size; whoever comes when it is full waits. */
export interface Room {
  /** Resolves when there is room; something that is larger than the whole room enters when it is empty. */
  enter(size: number): Promise<void>;
  leave(size: number): void;
  isEmpty(): boolean;
}

/** Nobody waits any longer once `signal` is aborted. */
export function createRoom({ count, size, signal }: { count: number; size: number; signal: AbortSignal }): Room {
  let [members, used] = [0, 0];
  const waiting: { wanted: number; admit: () => void }[] = [];
  const fits = (wanted: number): boolean => members === 0 || (members < count && used + wanted <= size);
  const admit = (wanted: number): void => {
    members += 1;
    used += wanted;
  };
  const admitWaiting = (): void => {
    while (waiting.length > 0 && (signal.aborted || fits(waiting[0]!.wanted))) waiting.shift()!.admit();
  };
  signal.addEventListener("abort", admitWaiting);
  return {
    async enter(wanted) {
      if (waiting.length === 0 && fits(wanted)) {
        admit(wanted);
        return;
      }
      const { promise, resolve } = Promise.withResolvers<undefined>();
      waiting.push({
        wanted,
        admit: () => {
          admit(wanted);
          resolve(undefined);
        },
      });
      await promise;
    },
    leave(wanted) {
      members -= 1;
      used -= wanted;
      admitWaiting();
    },
    isEmpty: () => members === 0 && waiting.length === 0,
  };
}
