import { Redis } from "ioredis";
import type { Connection } from "mariadb";
import { tablesOfChats } from "@confab/database";
import type { RemainsLine } from "../history/lines.ts";
import type { Endpoints } from "./endpoints.ts";

const tables = [...tablesOfChats, "search_outbox"];

/** Counts the remains of the deleted chat in every store and in the api, by SQL, SCAN and HTTP. */
export async function readRemains(endpoints: Endpoints, connection: Connection): Promise<RemainsLine[]> {
  const { doomed, redis, index, api } = endpoints;
  if (doomed === undefined) return [];
  const { id, token, chat } = doomed;
  const remains = (store: RemainsLine["store"], what: string, count: number): RemainsLine => ({
    type: "remains",
    store,
    what,
    count,
  });
  const lines: RemainsLine[] = [];
  const count = async (table: string, condition: string) => {
    const [row] = await connection.query<{ found: number }[]>(
      `SELECT COUNT(*) AS found FROM \`${table}\` WHERE ${condition}`,
    );
    lines.push(remains("mysql", table, row!.found));
  };
  for (const table of tables) await count(table, `chat_id = ${id}`);
  await count("chats", `id = ${id}`);
  await count("dead_letters", `application_token = '${token}' AND chat_number = ${chat}`);

  let keys = 0;
  for (const url of redis) keys += await countKeys(url, `:${token}:${chat}`);
  lines.push(remains("redis", `*:${token}:${chat}`, keys));

  if (index !== undefined) {
    const query = { query: { term: { chat_id: String(id) } } };
    const answer = await fetch(`${index.url}/${index.alias}*/_count`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(query),
    });
    lines.push(remains("elasticsearch", index.alias, ((await answer.json()) as { count: number }).count));
  }

  const path = `/applications/${token}/chats/${chat}`;
  for (const one of [
    path,
    `${path}/messages`,
    `${path}/messages/1`,
    `${path}/changes`,
    `${path}/messages/search?q=edited`,
  ]) {
    const answer = await fetch(new URL(one, api));
    await answer.arrayBuffer();
    lines.push(remains("api", one.replace(token, "{token}"), answer.status === 404 ? 0 : 1));
  }
  return lines;
}

async function countKeys(url: string, end: string): Promise<number> {
  const redis = new Redis(url, { maxRetriesPerRequest: 3 });
  redis.on("error", () => undefined);
  try {
    let found = 0;
    for await (const keys of redis.scanStream({ match: `*${end}`, count: 500 })) found += (keys as string[]).length;
    return found;
  } finally {
    redis.disconnect();
  }
}
