import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canInstall, ensureFile } from "@confab/local";
import { usual, type Fault, type Scene } from "../scene.ts";
import type { Process, ServiceName } from "../world/process.ts";

const debianArchitecture = process.arch === "arm64" ? "aarch64" : "x86_64";
const library = process.env.FAKETIME_LIBRARY ?? `/usr/lib/${debianArchitecture}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** Each process reads its clock's offset from its own file. The monotonic clock and Redis' clock are unchanged. */
const environment = {
  LD_PRELOAD: library,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  FAKETIME_CACHE_DURATION: "1",
  FAKETIME_DONT_RESET: "1",
};

const fileOf = (dir: string, { name }: Pick<Process, "name">) => join(dir, `clock-${name}`);

async function setClock({ world }: Scene, process: Process, offset: string): Promise<void> {
  const file = fileOf(world.dir, process);
  await writeFile(`${file}.new`, `${offset}\n`);
  await rename(`${file}.new`, file);
}

/**
 * Returns the settings of a fault in which the processes of these services have separate clocks. Each clock begins with
 * its offset in the format of libfaketime: `+7s`.
 */
export function withOwnClocks(
  services: readonly ServiceName[],
  offsetOf: (process: string) => string,
): Pick<Fault, "env" | "envOf" | "prepare" | "cannotRun"> {
  return {
    env: Object.fromEntries(services.map((service) => [service, environment])),
    envOf: (dir, name) => ({ FAKETIME_TIMESTAMP_FILE: fileOf(dir, { name }) }),
    prepare: async (dir) => {
      await ensureFile({ file: library, packages: ["libfaketime"] }, () => undefined);
      for (const service of services)
        for (const index of [1, 2]) {
          const name = `${service}-${index}`;
          await writeFile(fileOf(dir, { name }), `${offsetOf(name)}\n`);
        }
    },
    cannotRun: () =>
      existsSync(library) || canInstall()
        ? undefined
        : "libfaketime is missing; install it, or set FAKETIME_LIBRARY to its path",
  };
}

/** Faults in which the clocks of machines differ and jump. */
export const clockFaults: readonly Fault[] = [
  {
    name: "clocks-jump",
    title: "The clocks of ingest and worker processes jump an hour ahead and an hour back",
    expectations: usual,
    ...withOwnClocks(["ingest", "worker"], () => "+0s"),
    async run(scene) {
      const { world, random, during, pause } = scene;
      await during("clocks jump", async () => {
        for (let round = 0; round < 4; round += 1) {
          for (const process of [...world.of("ingest"), ...world.of("worker")])
            await setClock(scene, process, random.pick(["+3600s", "-3600s", "+7s", "-7s", "+0s"]));
          await pause(2_000);
        }
        for (const process of [...world.of("ingest"), ...world.of("worker")]) await setClock(scene, process, "+0s");
        await pause(1_000);
      });
    },
  },
];
