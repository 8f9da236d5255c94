import type { Redis } from "ioredis";

/**
 * How Redis flushes its append-only file, from the weakest policy to the strongest. `no` also applies if it has no such
 * file.
 */
export const fsyncPolicies = ["no", "everysec", "always"] as const;
export type FsyncPolicy = (typeof fsyncPolicies)[number];

export type RedisInfo = ReturnType<typeof parseInfo>;

/** Parses an INFO answer. A missing field is an empty text, or 0 as a number. */
export function parseInfo(info: string) {
  const fields = new Map(
    info.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
  const text = (name: string): string => fields.get(name) ?? "";
  return { text, number: (name: string): number => Number(text(name)) };
}

/** Returns the number of replicas that are online, according to a master's INFO answer. */
export function replicasOf(info: RedisInfo): number {
  const states = Array.from({ length: info.number("connected_slaves") }, (_, index) => info.text(`slave${index}`));
  return states.filter((state) => state.includes("state=online")).length;
}

export interface AppendOnlyFile {
  readonly policy: FsyncPolicy;
  /** The settings as they are written in redis.conf. */
  readonly text: string;
}

/**
 * Returns the settings of a server's append-only file, or undefined if the server forbids CONFIG, like many hosted
 * servers. Rejects if the server does not answer.
 */
export async function appendOnlyFileOf(server: Redis): Promise<AppendOnlyFile | undefined> {
  const read = async (name: string): Promise<string> => (await server.config("GET", name))[1] ?? "";
  try {
    const [enabled, fsync] = await Promise.all([read("appendonly"), read("appendfsync")]);
    if (enabled !== "yes") return { policy: "no", text: "appendonly no" };
    return {
      policy: fsyncPolicies.find((policy) => policy === fsync) ?? "no",
      text: `appendonly yes, appendfsync ${fsync}`,
    };
  } catch (error) {
    if (isDenial(error)) return undefined;
    throw error;
  }
}

/** Returns true if this user may not run the command, or if the server does not know the command. */
export function isDenial(error: unknown): boolean {
  return error instanceof Error && /^(NOPERM|ERR)\b/.test(error.message);
}
