/** The exit codes of all commands, for scripts. `--help` and the reference page are generated from this table. */
export const exitCodes = {
  ok: { code: 0, meaning: "success" },
  unexpected: { code: 1, meaning: "an unexpected error, or a migration that cannot be applied" },
  usage: { code: 2, meaning: "the command line or an input file is wrong" },
  refused: { code: 3, meaning: "Confab refused the request (4xx); the message says why" },
  unavailable: { code: 4, meaning: "Confab or a store does not answer; try the same command again later" },
  differences: { code: 5, meaning: "a verification found differences" },
  unconfirmed: { code: 6, meaning: "the command asks first, and nobody said yes; nothing was done" },
  configuration: {
    code: 78,
    meaning: "the configuration of Confab or of a store is wrong; the message lists every problem",
  },
  interrupted: { code: 130, meaning: "interrupted by Ctrl-C or SIGTERM" },
} as const;

export type Outcome = keyof typeof exitCodes;

/** Returns the list of exit codes for the end of every `--help`. */
export function exitCodeHelp(): string {
  const lines = Object.values(exitCodes).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ["", "Exit codes:", ...lines].join("\n");
}
