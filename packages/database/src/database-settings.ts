import { judgeSetting, notShown, type JudgedSetting, type SettingRule, type StoreSetting } from "@confab/runtime";
import { isUnavailable } from "./errors.ts";
import { minPacketBytes } from "./insert-messages.ts";
import type { Database } from "./client.ts";

export interface ExpectedOfDatabase {
  /** Whether the operator states that all writes go to the same server. */
  readonly singleWriter: boolean;
}

interface ServerSettings extends ExpectedOfDatabase {
  /** Returns the value of a server variable, or undefined if the server has no such variable. */
  readonly variable: (name: string) => string | undefined;
  /** Whether the server is a member of a Group Replication group. Undefined if this user may not read that. */
  readonly isInGroup: boolean | undefined;
}

const mebibyte = 1024 * 1024;
const minPacket = minPacketBytes / mebibyte;
const readOnly = ["read_only", "super_read_only", "innodb_read_only"];
const readSettings = [
  "innodb_flush_log_at_trx_commit",
  "log_bin",
  "sync_binlog",
  "max_allowed_packet",
  ...readOnly,
  "wsrep_on",
  "wsrep_provider",
  "group_replication_single_primary_mode",
];

const hiddenGroup: JudgedSetting = {
  found: "OFF, but the members of the group are not visible",
  verdict: "unknown",
  advice:
    "Grant SELECT on performance_schema.replication_group_members, so that Confab can check whether the server is in a group.",
};
const kept = (found: string): JudgedSetting => ({ found, verdict: "kept" });

const rules: readonly SettingRule<ServerSettings>[] = [
  {
    promise: "a stored message survives a crash of the database and of its machine",
    setting: "innodb_flush_log_at_trx_commit = 1",
    advice:
      "Set it to 1. With other values a crash loses about the last second of commits, and Redis no longer has those messages.",
    judge: ({ variable }) => {
      const found = variable("innodb_flush_log_at_trx_commit");
      if (found === undefined) return notShown;
      // MariaDB's value 3 flushes more often than 1.
      return { found, verdict: found === "1" || found === "3" ? "kept" : "at-risk" };
    },
  },
  {
    promise: "a crash loses no commit that is only in the binary log",
    setting: "sync_binlog = 1",
    advice: "Set it to 1, or disable the binary log with skip-log-bin.",
    judge: ({ variable }) => {
      if (variable("log_bin") === "OFF") return kept("no binary log");
      const found = variable("sync_binlog");
      return found === undefined ? notShown : { found, verdict: found === "1" ? "kept" : "at-risk" };
    },
  },
  {
    promise: "the server accepts the largest statement of Confab",
    setting: `max_allowed_packet = ${minPacket}M or more`,
    advice: `Set it to ${minPacket}M or more. Until then large messages stay in Redis and are not stored.`,
    judge: ({ variable }) => {
      const bytes = Number(variable("max_allowed_packet"));
      if (Number.isNaN(bytes)) return notShown;
      return { found: `${bytes / mebibyte}M`, verdict: bytes >= minPacketBytes ? "kept" : "at-risk" };
    },
  },
  {
    promise: "no other server of a Galera cluster overwrites committed rows",
    setting: "wsrep_on = OFF",
    advice:
      "Send all writes to one server of the cluster and set DATABASE_SINGLE_WRITER=on. Until then nothing is stored.",
    judge: ({ variable, singleWriter }) => {
      const provider = variable("wsrep_provider") ?? "";
      // Without a provider the server is standalone, even if wsrep_on is ON.
      const isGalera = variable("wsrep_on") === "ON" && provider !== "" && provider !== "none";
      return isGalera ? severalWriters("ON", singleWriter) : kept("no Galera");
    },
  },
  {
    promise: "no other primary of a group overwrites committed rows",
    setting: "group_replication_single_primary_mode = ON",
    advice:
      "Switch the group to single-primary mode, or send all writes to one primary and set DATABASE_SINGLE_WRITER=on. Until then nothing is stored.",
    judge: ({ variable, isInGroup, singleWriter }) => {
      const mode = variable("group_replication_single_primary_mode");
      if (mode === undefined || isInGroup === false) return kept("no group");
      if (mode === "ON") return kept("ON");
      return isInGroup === undefined && !singleWriter ? hiddenGroup : severalWriters("OFF", singleWriter);
    },
  },
  {
    promise: "the server accepts writes",
    setting: "read_only = OFF",
    advice: "Point DATABASE_URL to the server that accepts writes. During a failover this resolves itself.",
    judge: ({ variable }) => {
      const closed = readOnly.filter((name) => !["OFF", undefined].includes(variable(name)));
      return closed.length === 0 ? kept("OFF") : { found: `${closed.join(", ")} ON`, verdict: "at-risk" };
    },
  },
];

function severalWriters(found: string, singleWriter: boolean): JudgedSetting {
  return singleWriter ? kept(`${found}, DATABASE_SINGLE_WRITER=on`) : { found, verdict: "refused" };
}

/**
 * Reads the server's settings on which the promises depend, with a verdict on each. Needs no privileges. Rejects if the
 * server does not answer.
 */
export async function readDatabaseSettings(
  database: Pick<Database, "query">,
  expected: ExpectedOfDatabase,
): Promise<StoreSetting[]> {
  const read = { ...expected, ...(await readServer(database)) };
  return rules.map((rule) => judgeSetting("database", rule, read));
}

async function readServer({ query }: Pick<Database, "query">): Promise<Omit<ServerSettings, keyof ExpectedOfDatabase>> {
  const names = readSettings.map((name) => `'${name}'`).join(", ");
  const found = await query<{ Variable_name: string; Value: string }[]>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`,
  );
  const values = new Map(found.map(({ Variable_name, Value }) => [Variable_name, Value]));
  const hasGroups = values.has("group_replication_single_primary_mode");
  return { variable: (name) => values.get(name), isInGroup: hasGroups ? await isInGroup(query) : false };
}

async function isInGroup(query: Database["query"]): Promise<boolean | undefined> {
  try {
    const members = await query<unknown[]>(
      "SELECT 1 FROM performance_schema.replication_group_members WHERE MEMBER_STATE <> 'OFFLINE' LIMIT 1",
    );
    return members.length > 0;
  } catch (error) {
    if (isUnavailable(error)) throw error;
    return undefined;
  }
}
