import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.ts";
import { LocalError } from "./local-error.ts";
import { assertPortsFree, takenPorts, type WantedPort } from "./ports.ts";
import { maxOffset, paths, readPorts } from "./settings.ts";
import { readState, runningProcesses } from "./state.ts";

// Each running clone writes its path to a file in this folder, so that other clones can name it.
const folder = join(cacheFolder, "running");
const ownFile = join(folder, createHash("sha256").update(paths.root).digest("hex").slice(0, 16));

/** Announces to other clones of this user that this one is running. */
export function announceClone(): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(ownFile, paths.root);
}

/** Reverts `announceClone`. */
export function withdrawClone(): void {
  rmSync(ownFile, { force: true });
}

/**
 * Throws a LocalError if a port is taken. The message names the clone that uses the port, if there is one, and explains
 * how to run beside it.
 */
export async function assertRoomForClone(wanted: readonly WantedPort[]): Promise<void> {
  const taken = await takenPorts(wanted);
  if (taken.length === 0) return;
  const other = cloneWith(taken.map(({ port }) => port));
  const beside = `CONFAB_PORT_OFFSET=${await freeOffset()}`;
  if (other !== undefined) {
    throw new LocalError(
      `Confab runs already, from ${other}. Stop it with "make -C ${other} down", or run this clone beside it with ${beside}.`,
    );
  }
  if (taken.length === 1) return assertPortsFree(wanted);
  const list = taken.map(({ port, name }) => `${port} (${name})`).join(", ");
  throw new LocalError(
    `These ports are taken by other programs: ${list}. Stop them, or move all ports with ${beside}.`,
  );
}

/** Returns the path of another clone that runs a process on one of the ports. */
function cloneWith(ports: readonly number[]): string | undefined {
  return otherClones().find((root) => {
    const running = runningProcesses(readState(join(root, ".confab/state.json")));
    return running.some((entry) => entry.ports.some((port) => ports.includes(port)));
  });
}

function otherClones(): string[] {
  try {
    const roots = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    return roots.filter((root) => root !== paths.root);
  } catch {
    // No clone has announced itself, or the announcements cannot be read. The message then names no clone.
    return [];
  }
}

async function freeOffset(): Promise<number> {
  for (let offset = 10; offset < maxOffset; offset += 10) {
    const ports = Object.entries(readPorts({ CONFAB_PORT_OFFSET: String(offset) }));
    if ((await takenPorts(ports.map(([name, port]) => ({ name, port })))).length === 0) return offset;
  }
  return maxOffset;
}
