export interface GroupedOptions<Answer> {
  /** Reads the answers for many names in one query, and returns a function that gives the answer for each name. */
  readonly ask: (names: readonly string[]) => Promise<(name: string) => Answer>;
  /** Maximum number of names per query, and maximum number of names that wait for a query. */
  readonly maxGroup: number;
  readonly maxWaiting: number;
  /** Makes the error for a name that is refused because too many names wait. */
  readonly refuse: () => Error;
}

/** Queries names in groups: all names that arrive during a query go into the next one. */
export function createGrouped<Answer>(options: GroupedOptions<Answer>): (name: string) => Promise<Answer> {
  const { ask, maxGroup, maxWaiting, refuse } = options;
  const waiting = new Map<string, { promise: Promise<Answer>; settle: (work: Promise<Answer>) => void }>();
  let isAsking = false;

  async function askAll(): Promise<void> {
    isAsking = true;
    // The first query waits, so that it includes all names that arrive in the same turn.
    await Promise.resolve();
    while (waiting.size > 0) {
      const group = [...waiting].slice(0, maxGroup);
      for (const [name] of group) waiting.delete(name);
      const answer = ask(group.map(([name]) => name));
      for (const [name, { settle }] of group) settle(answer.then((answerOf) => answerOf(name)));
      await answer.catch(() => undefined);
    }
    isAsking = false;
  }

  return (name) => {
    const asked = waiting.get(name);
    if (asked) return asked.promise;
    if (waiting.size >= maxWaiting) return Promise.reject(refuse());
    const { promise, resolve } = Promise.withResolvers<Answer>();
    waiting.set(name, { promise, settle: resolve });
    if (!isAsking) void askAll();
    return promise;
  };
}
