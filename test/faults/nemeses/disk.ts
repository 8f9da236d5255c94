import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, open, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { serverUser } from "@confab/local";
import { eventually, startMysql } from "@confab/testkit";
import { usual, type Fault } from "../scene.ts";
import { workerNoticed } from "./noticed.ts";

const run = promisify(execFile);
const chunk = Buffer.alloc(64 * 1024);
/** Mount path of the disk, set by `ownStores`. */
let disk = "";

const needsMount = {
  cannotRun: () =>
    process.getuid?.() === 0 && existsSync("/bin/mount")
      ? undefined
      : "only root can mount the small disk that it needs",
};

/** Faults in which a store keeps its data on a small disk in memory. */
export const diskFaults: readonly Fault[] = [
  {
    ...needsMount,
    name: "mysql-disk-full",
    title: "MySQL's disk is full for six seconds",
    // The bodies are so large that the tables immediately need more disk space.
    pace: { fillerBytes: 8_000 },
    expectations: { ...usual, recoverWithinMs: 8_000, answerWithinMs: 8_000 },
    async ownStores(shared, dir) {
      // MariaDB's own files take about half of the disk.
      const unmount = await mountDisk(dir, 160);
      try {
        const mysql = await startMysql({
          dir: join(disk, "mysql"),
          args: ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M"],
        });
        return {
          ...shared,
          mysql,
          mysqlUrl: mysql.url,
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
  {
    ...needsMount,
    name: "redis-disk-full",
    title: "The disk of Redis is full, so Redis ends; it starts again when there is space",
    expectations: { ...usual, recoverWithinMs: 8_000, staleReads: true, bites: ["send"] },
    async ownStores(shared, dir) {
      const stop = await mountDisk(dir, 64);
      return { ...shared, stop };
    },
    async prepare(dir) {
      await mkdir(join(dir, "redis"));
      await symlink(disk, join(dir, "redis", "data"));
      const user = serverUser("redis");
      if (user) await chown(disk, user.uid, user.gid);
    },
    async run({ world, random, during, pause, accepted }) {
      const filler = join(disk, "filler");
      await during("the disk of Redis full", async () => {
        await accepted(random.between(1, 30));
        await fill(filler);
        await eventually(async () => {
          const log = await readFile(join(world.dir, "redis", "redis.log"), "utf8");
          if (!/Error writing to the AOF file|Short write/.test(log)) throw new Error("Redis still writes to its file");
        });
        await pause(random.between(1_000, 4_000));
        // Redis has exited by itself, unless it is configured to answer before a write is in its file.
        await world.redis.kill();
        await rm(filler);
        await world.redis.start();
      });
    },
  },
];

/** Mounts `disk` in `dir`. Resolves with a function that unmounts it. */
async function mountDisk(dir: string, mebibytes: number): Promise<() => Promise<void>> {
  disk = join(dir, "disk");
  // Redis runs as another user, who reaches the folder through a link.
  await chmod(dir, 0o711);
  await mkdir(disk);
  await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=755`, "tmpfs", disk]);
  return async () => {
    await run("umount", [disk]);
  };
}

async function fill(path: string): Promise<void> {
  await using file = await open(path, "w");
  try {
    for (;;) await file.write(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
