import { createRecent } from "@confab/runtime";
import { IntakeBusy } from "./batcher.ts";

export interface TokenCheckOptions {
  /** Returns the tokens that belong to applications, in one query for many tokens. */
  readonly findApplications: (tokens: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Maximum number of tokens per query, and of tokens that wait for a query. */
  readonly maxGroup?: number;
  readonly maxWaiting?: number;
}

const remembered = 10_000;
/** A client knows a token only after the api has returned it, so a token that is unknown now was made up. */
const unknownMs = 2_000;
/** Saves queries only: whether a chat exists is checked in the database each time. */
const knownMs = 10_000;

/**
 * Checks whether a token belongs to an application. All tokens that arrive during a query are checked in the next one,
 * so that thousands of made-up tokens cost only a few queries. Results are remembered for seconds.
 */
export function createTokenCheck({ findApplications, maxGroup = 1_000, maxWaiting = 20_000 }: TokenCheckOptions) {
  const known = createRecent(remembered, knownMs);
  const unknown = createRecent(remembered, unknownMs);
  const waiting = new Map<string, { promise: Promise<boolean>; settle: (work: Promise<boolean>) => void }>();
  let isAsking = false;

  async function ask(): Promise<void> {
    isAsking = true;
    // Tokens that arrive in the same turn belong to the first query.
    await Promise.resolve();
    while (waiting.size > 0) {
      const group = [...waiting].slice(0, maxGroup);
      for (const [token] of group) waiting.delete(token);
      const answer = findApplications(group.map(([token]) => token));
      for (const [token, { settle }] of group) settle(answer.then((found) => found.has(token)));
      const found = await answer.catch(() => undefined);
      for (const [token] of found === undefined ? [] : group) (found!.has(token) ? known : unknown).add(token);
    }
    isAsking = false;
  }

  return (token: string): Promise<boolean> => {
    if (known.has(token)) return Promise.resolve(true);
    if (unknown.has(token)) return Promise.resolve(false);
    const asked = waiting.get(token);
    if (asked) return asked.promise;
    if (waiting.size >= maxWaiting) return Promise.reject(new IntakeBusy("Too many tokens are waiting to be checked"));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    waiting.set(token, { promise, settle: resolve });
    if (!isAsking) void ask();
    return promise;
  };
}
