import type { Database } from "./client.ts";
import type { Statements } from "./session.ts";

/** The search backend of this process differs from the one for which the database's messages are indexed. */
export class SearchBackendMismatch extends Error {
  override readonly name = "SearchBackendMismatch";

  constructor(own: string, recorded: string) {
    super(
      `The database's messages are indexed for ${recorded}, but this process is configured for ${own}. ` +
        "Correct SEARCH_BACKEND or SEARCH_INDEX, or run `confabctl search reindex` with the new settings to switch.",
    );
  }
}

/**
 * Creates the record of the search backend for which the messages of this database are indexed. All workers must use
 * the same backend. Each range is taken from the outbox only once, so a range that a worker indexes in a different
 * backend would be missing from the recorded one.
 */
export function createSearchBackend({ prisma }: Database) {
  return {
    /** Returns the recorded backend, or undefined if no worker has indexed anything yet. */
    read: () => readBackend(prisma),

    /** Switches the database to another backend. Afterwards, workers with other settings index nothing. */
    async switchTo(backend: string): Promise<void> {
      await prisma.$executeRaw`
        INSERT INTO installation (name, value) VALUES ('search_backend', ${backend}) ON DUPLICATE KEY UPDATE value = VALUES(value)`;
    },
  };
}

/** Records the backend if none is recorded yet. Throws `SearchBackendMismatch` if a different one is recorded. */
export async function requireBackend(tx: Statements, own: string): Promise<void> {
  let recorded = await readBackend(tx);
  if (recorded === undefined) {
    await tx.$executeRawUnsafe("INSERT IGNORE INTO installation (name, value) VALUES ('search_backend', ?)", own);
    recorded = await readBackend(tx);
  }
  if (recorded !== undefined && recorded !== own) throw new SearchBackendMismatch(own, recorded);
}

async function readBackend(tx: Statements): Promise<string | undefined> {
  const [row] = await tx.$queryRawUnsafe<{ value: string }[]>(
    "SELECT value FROM installation WHERE name = 'search_backend'",
  );
  return row?.value;
}
