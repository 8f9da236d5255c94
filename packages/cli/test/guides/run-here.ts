/** A page whose commands run against one installation after the other. */
export interface GuideRun {
  readonly page: string;
  /** Why it runs only on a fresh installation, or only where keys are required; absent if it runs on both. */
  readonly only?: readonly ["fresh" | "keys", reason: string];
  /** The whole page is one session that creates its own chat; otherwise each block gets an application with a chat. */
  readonly isSession?: true;
  /** Names that everybody must replace. `{token}`, `{key-id}`, `{letter}`, `{url}` and `{root}` stand for those of the test. */
  readonly replaced?: Readonly<Record<string, string>>;
  /** A part of the output, by which the test sees that the commands did something. */
  readonly shows: string;
}

const firstSteps = ["fresh", "the first steps, where nothing requires a key"] as const;

// The Redis of the tests has no limit of memory, which the check calls a risk.
const checkOfStores = { "check --stores": "check --stores || [ $? = 78 ]" };

export const guideRuns: readonly GuideRun[] = [
  {
    page: "README.md",
    only: firstSteps,
    isSession: true,
    replaced: { "TOKEN=b0144920-6211-49b6-b931-b4f1d6d64ab2": "TOKEN={token}" },
    shows: "H<mark>ell</mark>o world",
  },
  {
    page: "docs/tutorials/first-chat.md",
    only: firstSteps,
    isSession: true,
    replaced: {
      "TOKEN=af2adc04-76c3-40bc-b8e0-3de199205713": "TOKEN={token}",
      // It is answered with 409, as the page says.
      'send "Wheat"': 'send "Wheat" || true',
      $PWD: "{root}",
    },
    shows: "And a bun",
  },
  {
    page: "docs/how-to/require-keys.md",
    only: ["keys", "it is about keys"],
    replaced: { "8Qn3fVbZ": "{key-id}" },
    shows: "confab_",
  },
  { page: "docs/how-to/follow-chats-live.md", shows: "event: caught-up" },
  { page: "docs/how-to/open-to-browsers.md", shows: "user tokens" },
  { page: "docs/how-to/erase-data.md", shows: "Nothing is left, except by design" },
  { page: "docs/how-to/limit-message-age.md", shows: '"retention_days":30' },
  {
    page: "docs/how-to/import-conversations.md",
    replaced: { "af2adc04-76c3-40bc-b8e0-3de199205713": "{token}" },
    shows: "all imported",
  },
  {
    page: "docs/how-to/inspect-dead-letters.md",
    replaced: { "show 1": "show {letter}", "retry 1": "retry {letter}", "drop 1": "drop {letter}" },
    shows: "it was refused",
  },
  { page: "docs/how-to/configure.md", replaced: checkOfStores, shows: "api: usable" },
  { page: "docs/how-to/reindex-search.md", shows: "EQUAL" },
  {
    page: "docs/how-to/trace-and-log.md",
    replaced: {
      "8c5f3a52-6f0e-4f3b-9c39-0d3b7f8d4a11": "{token}",
      " 7 42": " 1 1",
      "chats/7/messages/42": "chats/1/messages/1",
    },
    shows: "It was accepted",
  },
  { page: "docs/how-to/recover-from-redis-loss.md", shows: "All counts are correct" },
  { page: "docs/explanation/store-failover.md", replaced: checkOfStores, shows: "role master" },
  {
    page: "docs/reference/cli.md",
    replaced: { "https://chat.example.com": "{url}", "b0144920-6211-49b6-b931-b4f1d6d64ab2": "{token}" },
    shows: "Hello world",
  },
];
