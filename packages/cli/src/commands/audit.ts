import type { AuditEntry } from "@confab/database";
import type { Command } from "commander";
import { number, past, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";
import { withDatabase } from "../stores.ts";

/** Adds `audit`, which operators run directly on the database. */
export function addAuditCommand(program: Command, io: Io): void {
  program
    .command("audit")
    .description("print the latest administrative acts, oldest first: who did what, and when (DATABASE_URL)")
    .option("--since <when>", "only from then on: a time, or a duration such as 24h", past)
    .option("--limit <n>", "maximum number of acts", number, 50)
    .action(async ({ since, limit }: { since?: Date; limit: number }, command: Command) => {
      const { env, output } = toolsOf(io, command);
      const { listActs } = await import("@confab/database");
      const acts = (await withDatabase(env, (database) => listActs(database, { since, limit }))).map(described);
      output.result(acts, () =>
        table(
          ["TIME", "ACTOR", "ACT", "APPLICATION", "KEY", "REQUEST"],
          acts.map(({ at, actor, act, application, key_id, request_id }) => [
            output.time(at),
            actor,
            act,
            application ?? "",
            key_id ?? "",
            request_id ?? "",
          ]),
        ),
      );
    });
}

function described({ createdAt, actor, act, application, keyId, requestId }: AuditEntry) {
  return { at: createdAt.toISOString(), actor, act, application, key_id: keyId, request_id: requestId };
}
