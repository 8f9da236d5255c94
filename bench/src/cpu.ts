import { readFileSync } from "node:fs";

/** Process ids by name; undefined for a process that the benchmark did not start. */
export type Watched = Readonly<Record<string, number | undefined>>;

/** Microseconds of CPU by process name; null where the system does not report it. */
export type CpuTimes = Readonly<Record<string, number | null>>;

/** Linux reports in hundredths of a second, independently of the kernel's own tick. */
const TICK_US = 10_000;

/** Starts to measure CPU time, user and system. The returned function gives the time that each process used since then. */
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
    // The second field, the name, may contain spaces, so count from its closing bracket. utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return null;
  }
}
