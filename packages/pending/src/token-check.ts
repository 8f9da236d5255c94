import { createRecent, createGrouped } from "@confab/async";
import { AcceptorBusy } from "./batcher.ts";

export interface TokenCheckOptions {
  /** Returns the given tokens that belong to applications, using one query. */
  readonly findApplications: (tokens: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Maximum number of tokens per query, and also of tokens that wait for a query. */
  readonly maxGroup?: number;
  readonly maxWaiting?: number;
}

const remembered = 10_000;
/**
 * Time in ms for which an unknown token is remembered. A client only knows a token after the api has returned it, so a
 * token that is unknown now was made up.
 */
const unknownMs = 2_000;
/**
 * Time in ms for which a known token is remembered. Remembering it only saves token queries: the database is still
 * queried for the chat every time.
 */
const knownMs = 10_000;

/**
 * Checks whether a token belongs to an application. All tokens that arrive during a query are checked in the next one,
 * so that thousands of made-up tokens cost only a few queries. Results are remembered for a few seconds.
 */
export function createTokenCheck({ findApplications, maxGroup = 1_000, maxWaiting = 20_000 }: TokenCheckOptions) {
  const known = createRecent(remembered, knownMs);
  const unknown = createRecent(remembered, unknownMs);
  const ask = createGrouped({
    ask: async (tokens) => {
      const found = await findApplications(tokens);
      for (const token of tokens) (found.has(token) ? known : unknown).add(token);
      return (token) => found.has(token);
    },
    maxGroup,
    maxWaiting,
    refuse: () => new AcceptorBusy("Too many tokens are waiting to be checked"),
  });

  return (token: string): Promise<boolean> => {
    if (known.has(token)) return Promise.resolve(true);
    return unknown.has(token) ? Promise.resolve(false) : ask(token);
  };
}
