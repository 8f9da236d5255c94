/** What a script can tell from the way a command ended; `--help` and the reference page are made from it. */
export const exitCodes = {
  ok: { code: 0, meaning: "done" },
  unexpected: { code: 1, meaning: "an unexpected error, or a migration that cannot be applied" },
  usage: { code: 2, meaning: "the command line or an input file is wrong" },
  refused: { code: 3, meaning: "Confab refused the request (4xx): the sentence says why" },
  unavailable: { code: 4, meaning: "Confab or a store does not answer: the same command may work later" },
  differences: { code: 5, meaning: "a verification found differences" },
  configuration: {
    code: 78,
    meaning: "the configuration, or a store's, is not as it must be: every problem is listed",
  },
} as const;

export type Outcome = keyof typeof exitCodes;

/** The block at the end of every `--help`. */
export function exitCodeHelp(): string {
  const lines = Object.values(exitCodes).map(({ code, meaning }) => `  ${String(code).padStart(2)}  ${meaning}`);
  return ["", "Exit codes:", ...lines].join("\n");
}
