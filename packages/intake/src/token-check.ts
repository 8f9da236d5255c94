import { IntakeBusy } from "./batcher.ts";
import { createRecent } from "./recent.ts";

export interface TokenCheckOptions {
  /** Which of the tokens belong to applications, asked once for many. */
  readonly findApplications: (tokens: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Tokens that may be asked for at once, and that may wait for it. */
  readonly maxGroup?: number;
  readonly maxWaiting?: number;
}

const remembered = 10_000;
/** Nobody can send with a token before the api has answered it, so that one that is unknown now is made up. */
const unknownMs = 2_000;
/** Only spares a question: whether a chat is there is asked of the database each time. */
const knownMs = 10_000;

/**
 * Whether a token belongs to an application. All that are asked for while a question is under way go into the next one, so that thousands of made-up
 * tokens cost a few questions; answers are remembered for seconds.
 */
export function createTokenCheck({ findApplications, maxGroup = 1_000, maxWaiting = 20_000 }: TokenCheckOptions) {
  const known = createRecent(remembered, knownMs);
  const unknown = createRecent(remembered, unknownMs);
  const waiting = new Map<string, { promise: Promise<boolean>; settle: (work: Promise<boolean>) => void }>();
  let isAsking = false;

  async function ask(): Promise<void> {
    isAsking = true;
    // What comes in the same turn belongs to the first question.
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
    if (waiting.size >= maxWaiting) return Promise.reject(new IntakeBusy("too many unknown tokens are looked up"));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    waiting.set(token, { promise, settle: resolve });
    if (!isAsking) void ask();
    return promise;
  };
}
