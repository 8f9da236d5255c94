import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "../load/client.ts";
import { createHttp } from "../load/http.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import { execute } from "../world/stores.ts";

const deadlock = 1213;

/** Faults in which MySQL returns to its state a moment ago. */
export const mysqlFailoverFaults: readonly Fault[] = [
  {
    name: "mysql-failed-over",
    title: "MySQL fails over to a replica that lacks the last second; ids are assigned again, and the index is rebuilt",
    expectations: { ...usual, loses: true, losesChanges: true, staleReads: true, deadLetters: true },
    // The failover could undo a deletion, but not its mark in Redis.
    keepsChats: true,
    async run(scene) {
      const { world, recorder } = scene;
      const http = createHttp(() => recorder.now());
      const client = createClient("newcomer", http, recorder);
      const [mine, other] = world.applications;
      const [api] = world.of("api");
      const replica = await copyDatabase(scene);
      // This chat exists in Redis, but not in the replica.
      const { number: chat = 0 } = await client.create(api!, mine!, "lost-chat");
      const send = async (counter: number) => {
        const uid = `${mine!.label}.${chat}.newcomer.${String(counter).padStart(5, "0")}`;
        const letter = { application: mine!, chat, uid, body: `${uid} ${mine!.canary}`, key: uid };
        await client.send(world.of("ingest")[0]!, letter, 1);
      };
      for (let counter = 1; counter <= 3; counter += 1) await send(counter);
      // This pause is long enough for the message to be stored and indexed.
      await scene.pause(2_000);
      await scene.during("failover of MySQL", () => replica.promote(), { loses: true });
      // This chat gets the id of the lost chat.
      const { number: next = 0 } = await client.create(api!, other!, "next-chat");
      for (let counter = 4; counter <= 9; counter += 1) await send(counter);
      // No search may find the messages of the lost chat that are still in the index.
      for (let time = 0; time < 5; time += 1) {
        await client.search(api!, other!, next, mine!.canary);
        await scene.pause(300);
      }
      await reindex(scene);
      http.close();
    },
  },
];

/** Indexes again, as the documentation requires after MySQL has lost transactions. */
async function reindex({ world }: Scene): Promise<void> {
  if (world.index === undefined) return;
  const cli = join(import.meta.dirname, "../../../packages/cli/src/main.ts");
  await promisify(execFile)(process.execPath, ["--conditions=@confab/source", cli, "search", "reindex"], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: world.databaseUrl,
      ELASTICSEARCH_URL: world.index.url,
      SEARCH_INDEX: world.index.alias,
    },
  });
}

/**
 * Copies every table consistently, under a lock of a few milliseconds. The copy is the state of a replica that has
 * replicated up to this moment and no further. `promote` replaces the database with the copy while no client is
 * connected.
 */
async function copyDatabase({ world }: Scene): Promise<{ promote(): Promise<void> }> {
  const url = world.databaseAdminUrl;
  const [database, copy] = [world.keyPrefix, `${world.keyPrefix}_replica`];
  const tables = (await execute<Record<string, string>>(url, "SHOW TABLES")).map((row) => Object.values(row)[0]!);
  await execute(
    url,
    `CREATE DATABASE \`${copy}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci`,
    ...tables.map((table) => `CREATE TABLE \`${copy}\`.\`${table}\` LIKE \`${database}\`.\`${table}\``),
  );
  const inserts = tables.map(
    (table) => `INSERT INTO \`${copy}\`.\`${table}\` SELECT * FROM \`${database}\`.\`${table}\` LOCK IN SHARE MODE`,
  );
  for (let attempt = 1; ; attempt += 1) {
    try {
      await execute(url, "SET autocommit = 0", ...inserts, "COMMIT");
      break;
    } catch (error) {
      // Workers and editors lock the same rows in a different order.
      if ((error as { errno?: number }).errno !== deadlock || attempt === 50) throw error;
    }
  }
  world.onStop(() => execute(url, `DROP DATABASE IF EXISTS \`${copy}\``));
  const links = (["ingest", "api", "worker"] as const).flatMap((service) => world.links(service, "mysql"));
  return {
    async promote() {
      await Promise.all(links.map((link) => link.cut()));
      await execute(
        url,
        "SET foreign_key_checks = 0",
        ...tables.map((table) => `DROP TABLE \`${database}\`.\`${table}\``),
        ...tables.map((table) => `RENAME TABLE \`${copy}\`.\`${table}\` TO \`${database}\`.\`${table}\``),
      );
      await Promise.all(links.map((link) => link.restore()));
    },
  };
}
