import { readFileSync } from "node:fs";

/** Processes by what they are; undefined where the process is not ours to watch. */
export type Watched = Readonly<Record<string, number | undefined>>;

/** Microseconds of CPU by what the process is; null where the system does not tell. */
export type CpuTimes = Readonly<Record<string, number | null>>;

/** Linux reports in hundredths of a second, whatever the kernel's own tick is. */
const TICK_US = 10_000;

/** The CPU time, user and system, that each process uses until the function that it gives is called. */
export function watchCpu(watched: Watched): () => CpuTimes {
  const before = read(watched);
  return () => {
    const after = read(watched);
    return Object.fromEntries(
      Object.entries(before).map(([name, start]) => {
        const end = after[name] ?? null;
        return [name, start === null || end === null ? null : end - start];
      }),
    );
  };
}

function read(watched: Watched): CpuTimes {
  return Object.fromEntries(Object.entries(watched).map(([name, pid]) => [name, pid === undefined ? null : used(pid)]));
}

function used(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field, the name, may hold blanks: count from its closing bracket. utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return null;
  }
}
