import { setTimeout as pause } from "node:timers/promises";
import { createConnection, type Connection } from "mariadb";
import { fingerprint } from "../history/recorder.ts";
import { readRemains } from "./remains.ts";
import type { Endpoints } from "./endpoints.ts";
import type { ChangeLine, FinalLine, HorizonLine, MessageLine, VersionLine } from "../history/lines.ts";

interface ChatRow {
  readonly token: string;
  readonly chat: number;
  readonly name: string | null;
  readonly messages_count: number;
  readonly last_change_number: number;
}
interface InChat {
  readonly token: string | null;
  readonly chat: number | null;
  readonly number: number;
}
interface MessageRow extends InChat {
  readonly body: string | Buffer;
}
interface StoredRow extends InChat {
  readonly body: string;
  /** The body of version 1, if there are later versions. */
  readonly first: string | null;
  readonly version: number;
  readonly change: number | null;
  readonly deleted: number;
  readonly sender: Buffer | null;
}

/** Waits until nothing is pending, queued or in the search outbox, or until the deadline. Then reads everything. */
export async function readFinalState(endpoints: Endpoints, deadlineMs: number): Promise<FinalLine[]> {
  const connection = await createConnection({
    ...endpoints.database,
    allowPublicKeyRetrieval: true,
    bigIntAsNumber: true,
  });
  try {
    const quiet = await waitForRest(endpoints, connection, deadlineMs);
    const label = (token: string | null) => (token === null ? "?" : (endpoints.applications.get(token) ?? "?"));
    const place = ({ token, chat, number }: InChat) => ({ app: label(token), chat: chat ?? 0, number });
    const messages = (type: MessageLine["type"], rows: readonly MessageRow[]): MessageLine[] =>
      rows.map((row) => ({ type, ...place(row), ...fingerprint(row.body.toString()) }));
    const chats = await connection.query<ChatRow[]>(
      `SELECT a.token, c.number AS chat, c.name, c.messages_count, c.last_change_number FROM chats c JOIN applications a ON a.id = c.application_id`,
    );
    const applications = await connection.query<{ token: string; chats_count: number; chats: number }[]>(
      `SELECT a.token, a.chats_count, (SELECT COUNT(*) FROM chats c WHERE c.application_id = a.id) AS chats FROM applications a`,
    );
    const select = <Row extends InChat>(columns: string, table: string, joins = "") =>
      connection.query<Row[]>(
        `SELECT a.token, c.number AS chat, m.number, ${columns} FROM ${table} m
         LEFT JOIN chats c ON c.id = m.chat_id LEFT JOIN applications a ON a.id = c.application_id ${joins}`,
      );
    const stored = await select<StoredRow>(
      "m.body, m.sender, m.version, m.change_number AS `change`, m.deleted_at IS NOT NULL AS deleted, v.body AS first",
      "messages",
      "LEFT JOIN message_versions v ON v.chat_id = m.chat_id AND v.number = m.number AND v.version = 1",
    );
    const rows = stored.map((row) => ({ ...place(row), ...toRow(row) }));
    const versions = await select<MessageRow & { version: number }>("m.version, m.body", "message_versions");
    const changes = await select<InChat & { change: number }>("m.change_number AS `change`", "message_changes");
    const horizons = await connection.query<{ token: string; chat: number; reader: Buffer; number: number }[]>(
      `SELECT a.token, c.number AS chat, r.reader, r.number FROM \`reads\` r
       JOIN chats c ON c.id = r.chat_id JOIN applications a ON a.id = c.application_id`,
    );
    const ids = await connection.query<{ id: number; token: string; chat: number }[]>(
      `SELECT c.id, a.token, c.number AS chat FROM chats c JOIN applications a ON a.id = c.application_id`,
    );
    return [
      quiet,
      ...applications.map(({ token, chats_count, chats: count }) => ({
        type: "application" as const,
        app: label(token),
        chatsCount: chats_count,
        chats: count,
      })),
      ...chats.map(({ token, chat, name, messages_count, last_change_number }) => ({
        type: "chat" as const,
        app: label(token),
        chat,
        name,
        messagesCount: messages_count,
        lastChange: last_change_number,
      })),
      ...rows,
      ...versions.map((row): VersionLine => ({
        type: "version",
        ...place(row),
        version: row.version,
        ...fingerprint(row.body.toString()),
      })),
      ...horizons.map((row): HorizonLine => ({ type: "horizon", ...place(row), sender: row.reader.toString() })),
      ...changes.map((row): ChangeLine => ({ type: "change", ...place(row), change: row.change })),
      ...messages("dead-letter", await select("m.body", "dead_letters")),
      // If MySQL is the search backend, the rows are the index.
      ...(endpoints.index === undefined
        ? stored.filter(({ deleted }) => deleted === 0).flatMap((row) => messages("document", [row]))
        : messages("document", await readIndex(endpoints.index, new Map(ids.map((row) => [String(row.id), row]))))),
      ...(await readLists(endpoints, chats, label)),
      ...(await readRemains(endpoints, connection)),
    ];
  } finally {
    await connection.end();
  }
}

/** Converts a row to a line. An edited message keeps the uid of its first version; a deleted message has no uid. */
function toRow({ body, first, version, change, deleted, sender }: StoredRow) {
  const { hash } = fingerprint(body);
  return {
    type: "row" as const,
    ...(deleted === 1 && body === "" ? { uid: "", hash: "" } : { uid: fingerprint(first ?? body).uid, hash }),
    version,
    ...(change !== null && { change }),
    ...(deleted === 1 && { deleted: true }),
    ...(sender !== null && { sender: sender.toString() }),
  };
}

async function waitForRest(endpoints: Endpoints, connection: Connection, deadlineMs: number) {
  const began = performance.now();
  for (let calm = 0; ;) {
    const [pending, outbox, failedJobs, jobs, erasures] = await countWork(endpoints, connection);
    calm = pending === 0 && outbox === 0 && jobs === 0 && erasures === 0 ? calm + 1 : 0;
    const afterMs = Math.round(performance.now() - began);
    // The gauges are up to two seconds old, so several readings in a row must show no work.
    const reached = calm >= 4;
    if (reached || afterMs > deadlineMs)
      return { type: "quiet" as const, reached, afterMs, pending, outbox, erasures, failedJobs };
    await pause(700);
  }
}

async function countWork(
  endpoints: Endpoints,
  connection: Connection,
): Promise<[number, number, number, number, number]> {
  const [row] = await connection.query<{ ranges: number; erasures: number }[]>(
    `SELECT COUNT(*) AS ranges, (SELECT COUNT(*) FROM erasures WHERE finished_at IS NULL) + (SELECT COUNT(*) FROM removed_histories) AS erasures FROM search_outbox`,
  );
  const texts = await Promise.all(
    endpoints.workers.map((url) => fetch(`${url}/metrics`).then((answer) => answer.text())),
  );
  const sum = (text: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  const highest = (pattern: RegExp) => Math.max(0, ...texts.map((text) => sum(text, pattern)));
  return [
    highest(/^confab_messages_pending\{?[^}\n]*\}? (\d+)/gm),
    row?.ranges ?? 0,
    highest(/^confab_queue_jobs\{[^}\n]*state="failed"[^}\n]*\} (\d+)/gm),
    highest(/^confab_queue_jobs\{[^}\n]*state="(?:waiting|active)"[^}\n]*\} (\d+)/gm),
    row?.erasures ?? 0,
  ];
}

async function readIndex(
  { url, alias }: NonNullable<Endpoints["index"]>,
  chats: ReadonlyMap<string, { token: string; chat: number }>,
): Promise<MessageRow[]> {
  await fetch(`${url}/${alias}/_refresh`, { method: "POST" });
  const found: MessageRow[] = [];
  for (let after: unknown[] | undefined; ;) {
    const answer = await fetch(`${url}/${alias}/_search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ size: 1000, sort: ["chat_id", "number"], ...(after && { search_after: after }) }),
    });
    const page = (await answer.json()) as {
      hits: { hits: { _source: { chat_id: string | number; number: number; body: string }; sort: unknown[] }[] };
    };
    for (const { _source: source } of page.hits.hits) {
      const chat = chats.get(String(source.chat_id));
      found.push({ token: chat?.token ?? null, chat: chat?.chat ?? null, number: source.number, body: source.body });
    }
    after = page.hits.hits.at(-1)?.sort;
    if (after === undefined) return found;
  }
}

/** Reads every chat page by page, like any client. */
async function readLists(
  { api, applications }: Endpoints,
  chats: readonly ChatRow[],
  label: (token: string) => string,
): Promise<MessageLine[]> {
  const lines: MessageLine[] = [];
  for (const { token, chat } of chats.filter((each) => applications.has(each.token))) {
    let path: string | undefined = `/applications/${token}/chats/${chat}/messages?limit=200`;
    while (path !== undefined) {
      const answer: Response = await fetch(new URL(path, api));
      const page = (await answer.json()) as { number: number; body: string | null; version: number }[];
      for (const { number, body, version } of page) {
        const content = body === null ? { uid: "", hash: "", deleted: true } : fingerprint(body);
        lines.push({ type: "listed", app: label(token), chat, number, ...content, version });
      }
      const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1];
      path = next === undefined ? undefined : new URL(next, api).pathname + new URL(next, api).search;
    }
  }
  return lines;
}
