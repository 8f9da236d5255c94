import { createClient } from "../load/client.ts";
import { createHttp } from "../load/http.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import { execute } from "../world/stores.ts";

/** MySQL comes back as it was a moment ago. */
export const mysqlFailoverFaults: readonly Fault[] = [
  {
    name: "mysql-failed-over",
    title: "MySQL fails over to a replica that lacks the last second; its ids are given again",
    expectations: { ...usual, loses: true, staleReads: true },
    async run(scene) {
      const { world, recorder } = scene;
      const http = createHttp(() => recorder.now());
      const client = createClient("newcomer", http, recorder);
      const [mine, other] = world.applications;
      const [api] = world.of("api");
      const replica = await copyDatabase(scene);
      // The replica does not know this chat, and Redis does.
      const { number: chat = 0 } = await client.create(api!, mine!, "lost-chat");
      const send = async (counter: number) => {
        const uid = `${mine!.label}.${chat}.newcomer.${String(counter).padStart(5, "0")}`;
        const letter = { application: mine!, chat, uid, body: `${uid} ${mine!.canary}`, key: uid };
        await client.send(world.of("ingest")[0]!, letter, 1);
      };
      for (let counter = 1; counter <= 3; counter += 1) await send(counter);
      await scene.pause(1_000);
      await scene.during("failover of MySQL", () => replica.promote(), { loses: true });
      // It gets the id of the chat that was lost.
      await client.create(api!, other!, "next-chat");
      for (let counter = 4; counter <= 9; counter += 1) await send(counter);
      http.close();
    },
  },
];

/**
 * A consistent copy of every table as it is now, under a lock for some milliseconds: what a replica has that has replicated up to
 * here and no further. `promote` puts it in the database's place while nobody is connected.
 */
async function copyDatabase({ world }: Scene): Promise<{ promote(): Promise<void> }> {
  const url = world.databaseAdminUrl;
  const [database, copy] = [world.keyPrefix, `${world.keyPrefix}_replica`];
  const tables = (await execute<Record<string, string>>(url, "SHOW TABLES")).map((row) => Object.values(row)[0]!);
  await execute(
    url,
    `CREATE DATABASE \`${copy}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci`,
    ...tables.map((table) => `CREATE TABLE \`${copy}\`.\`${table}\` LIKE \`${database}\`.\`${table}\``),
    "SET autocommit = 0",
    ...tables.map(
      (table) => `INSERT INTO \`${copy}\`.\`${table}\` SELECT * FROM \`${database}\`.\`${table}\` LOCK IN SHARE MODE`,
    ),
    "COMMIT",
  );
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
