import { ensureProgram } from "@confab/local";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, release, totalmem, type as system } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** This file names the version that the test kit downloads. */
const elasticsearch = join(import.meta.dirname, "../../packages/local/elasticsearch/pom.xml");

/** Describes the machine and the versions of the installed programs. Without them, a figure has no meaning. */
export async function describeMachine(): Promise<Record<string, string | number>> {
  const redis = await ensureProgram({ programs: ["redis-server"], packages: ["redis-server"] }, console.error);
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    system: `${system()} ${release().split("-")[0]!} ${process.arch}`,
    node: process.version,
    redis: await versionOf(redis, ["--version"], /v=(\S+)/),
    mysql: await versionOf("mariadbd", ["--version"], /Ver (\S+)/).catch(() =>
      versionOf("mysqld", ["--version"], /Ver (\S+)/),
    ),
    elasticsearch: /<es>(.+)<\/es>/.exec(await readFile(elasticsearch, "utf8"))?.[1] ?? "unknown",
    go: await versionOf("go", ["version"], /go version (\S+)/).catch(() => "none"),
  };
}

async function versionOf(program: string, args: string[], pattern: RegExp): Promise<string> {
  const { stdout } = await run(program, args);
  return pattern.exec(stdout)?.[1] ?? "unknown";
}
