import type { Redis } from "ioredis";

/** What a Redis does with its append-only file, from the weakest; `no` where it writes none. */
export const fsyncPolicies = ["no", "everysec", "always"] as const;
export type FsyncPolicy = (typeof fsyncPolicies)[number];

export type RedisInfo = ReturnType<typeof parseInfo>;

/** The fields of an answer to INFO; one that is not there is empty, and 0 as a number. */
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

/** How many replicas follow a master, after its answer to INFO. */
export function replicasOf(info: RedisInfo): number {
  const states = Array.from({ length: info.number("connected_slaves") }, (_, index) => info.text(`slave${index}`));
  return states.filter((state) => state.includes("state=online")).length;
}

export interface AppendOnlyFile {
  readonly policy: FsyncPolicy;
  /** As it is configured. */
  readonly text: string;
}

/** Undefined where the server forbids CONFIG, as hosted ones do; rejects where it does not answer. */
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

/** A command that this user may not use, or that the server does not know. */
export function isDenial(error: unknown): boolean {
  return error instanceof Error && /^(NOPERM|ERR)\b/.test(error.message);
}
