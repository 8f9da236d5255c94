import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startMysql } from "@confab/testkit";
import { usual, type Fault } from "../scene.ts";
import { workerNoticed } from "./noticed.ts";

const run = promisify(execFile);
/** The files of MariaDB itself take about half of it. */
const diskMebibytes = 160;
const chunk = Buffer.alloc(64 * 1024);
/** The path at which `ownStores` mounts the disk. */
let disk = "";

/** MySQL stores its data on a small disk in memory. */
export const diskFaults: readonly Fault[] = [
  {
    name: "mysql-disk-full",
    title: "MySQL's disk is full for six seconds",
    // Large enough that tables need more disk space at once.
    pace: { fillerBytes: 8_000 },
    expectations: { ...usual, recoverWithinMs: 8_000, answerWithinMs: 8_000 },
    cannotRun: () =>
      process.getuid?.() === 0 && existsSync("/bin/mount")
        ? undefined
        : "only root can mount the small disk that it needs",
    async ownStores(shared, dir) {
      disk = join(dir, "disk");
      await mkdir(disk);
      await run("mount", ["-t", "tmpfs", "-o", `size=${diskMebibytes}m,mode=755`, "tmpfs", disk]);
      const unmount = () => run("umount", [disk]);
      try {
        const mysql = await startMysql({
          dir: join(disk, "mysql"),
          args: ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M"],
        });
        return {
          ...{ ...shared, mysql, mysqlUrl: mysql.url },
          async stop() {
            await mysql.stop();
            await unmount();
          },
        };
      } catch (error) {
        await unmount();
        throw error;
      }
    },
    async run({ world, during, pause }) {
      const filler = join(disk, "filler");
      await during("MySQL's disk full", async () => {
        await fill(filler);
        await pause(6_000);
        await workerNoticed(world, /is full|No space left|Disk full/);
        await rm(filler);
      });
    },
  },
];

async function fill(path: string): Promise<void> {
  await using file = await open(path, "w");
  try {
    for (;;) await file.write(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
