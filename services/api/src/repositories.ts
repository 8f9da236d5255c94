import { withMethodTimeouts, type Repository } from "@confab/async";
import { ProblemError } from "@confab/contracts";
import {
  createApplications,
  createChats,
  createErasures,
  createHorizons,
  createKeys,
  createMessageChanges,
  createMessages,
  createNumberings,
  createSearchBackend,
  type Database,
} from "@confab/database";
import { traced, unlessRefused, type StoreSettings, type Tracer } from "@confab/runtime";

/** The timeout of a database that does not answer, for readers and writers; one that refuses is noticed at once. */
const timeoutMs = 2_000;

/** Reads and writes MySQL with a timeout and spans. Writes are refused while the server's settings could lose them. */
export function createRepositories(database: Database, settings: StoreSettings, tracer: Tracer) {
  const reading = <T extends Repository<T>>(name: string, repository: T): T =>
    withMethodTimeouts(
      traced(tracer, "mysql", name, repository),
      timeoutMs,
      () => new ProblemError("storage-unavailable"),
    );
  // A write must not simply time out here: the repository withdraws it, or reports that its outcome is unknown.
  const writing = <T extends Repository<T>>(name: string, repository: T, writes: readonly (keyof T)[]): T => {
    const traceable = traced(tracer, "mysql", name, repository);
    const untimed = Object.fromEntries(writes.map((write) => [write, traceable[write]]));
    return unlessRefused({ ...reading(name, repository), ...untimed }, writes, settings);
  };

  return {
    applications: writing("applications", createApplications(database, { timeoutMs }), ["create", "change"]),
    chats: writing("chats", createChats(database, { timeoutMs }), ["create", "change"]),
    changes: writing("message-changes", createMessageChanges(database, { timeoutMs }), ["edit", "remove"]),
    erasures: writing("erasures", createErasures(database, { timeoutMs }), [
      "eraseApplication",
      "eraseChat",
      "eraseSender",
    ]),
    horizons: writing("horizons", createHorizons(database, { timeoutMs }), ["advance"]),
    keys: writing("keys", createKeys(database, { timeoutMs }), ["create", "rotate", "revoke"]),
    messages: reading("messages", createMessages(database)),
    numberings: reading("numberings", createNumberings(database)),
    searchBackend: reading("search-backend", createSearchBackend(database)),
  };
}

export type Repositories = ReturnType<typeof createRepositories>;
