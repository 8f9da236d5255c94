import type { Database, Queryable } from "./client.ts";

/** This process searches with another backend than the one that the database's messages are indexed for. */
export class SearchBackendMismatch extends Error {
  override readonly name = "SearchBackendMismatch";

  constructor(own: string, recorded: string) {
    super(
      `The database's messages are indexed for ${recorded}, and this process is configured for ${own}. ` +
        "Correct SEARCH_BACKEND or SEARCH_INDEX, or run `confabctl search reindex` with the new settings to switch.",
    );
  }
}

/**
 * The search backend that the messages of this database are indexed for. All workers must agree on it: the outbox is emptied
 * once, so a range that one of them takes for another backend would never be indexed.
 */
export function createSearchBackend({ prisma }: Database) {
  return {
    /** Undefined before the first worker has indexed anything. */
    read: () => readBackend(prisma),

    /** Switches the database to another backend; from then on workers with other settings index nothing. */
    async switchTo(backend: string): Promise<void> {
      await prisma.$executeRaw`
        INSERT INTO installation (name, value) VALUES ('search_backend', ${backend}) ON DUPLICATE KEY UPDATE value = VALUES(value)`;
    },
  };
}

/** Records the backend if none is recorded; throws `SearchBackendMismatch` if another one is. */
export async function requireBackend(tx: Queryable, own: string): Promise<void> {
  let recorded = await readBackend(tx);
  if (recorded === undefined) {
    await tx.$executeRaw`INSERT IGNORE INTO installation (name, value) VALUES ('search_backend', ${own})`;
    recorded = await readBackend(tx);
  }
  if (recorded !== undefined && recorded !== own) throw new SearchBackendMismatch(own, recorded);
}

async function readBackend(tx: Queryable): Promise<string | undefined> {
  const row = await tx.installationSetting.findUnique({ where: { name: "search_backend" } });
  return row?.value;
}
