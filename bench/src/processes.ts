import { readFileSync } from "node:fs";

/** Process ids, by the name of the service or store. */
export type Watched = Readonly<Record<string, readonly number[]>>;

/** CPU time in microseconds, by name; null where the system does not report it. */
export type CpuTimes = Readonly<Record<string, number | null>>;

/** Linux reports CPU time in hundredths of a second, independently of the kernel's own tick. */
const tickUs = 10_000;

/**
 * Starts to measure CPU time, user and system. Returns a function that returns the time used by the processes since
 * then.
 */
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

/** Returns the CPU time that each process used per unit of work, such as a message. */
export function cpuFiguresOf(cpu: CpuTimes, unit: string, count: number): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(cpu).map(([name, us]) => [`${name} CPU, µs/${unit}`, us === null ? null : us / count]),
  );
}

/**
 * Returns the resident memory of processes now, and the sum of their peaks, in MB. Each is null where the system does
 * not report it.
 */
export function memoryOf(pids: readonly number[]): { now: number | null; highest: number | null } {
  return { now: sum(pids, (pid) => statusOf(pid, "VmRSS")), highest: sum(pids, (pid) => statusOf(pid, "VmHWM")) };
}

function read(watched: Watched): CpuTimes {
  return Object.fromEntries(Object.entries(watched).map(([name, pids]) => [name, sum(pids, cpuOf)]));
}

function sum(pids: readonly number[], measure: (pid: number) => number): number | null {
  try {
    return pids.reduce((total, pid) => total + measure(pid), 0);
  } catch {
    return null;
  }
}

function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field, the name, may contain spaces, so the fields are counted from its closing bracket. utime and stime
  // are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

function statusOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1_000;
}
