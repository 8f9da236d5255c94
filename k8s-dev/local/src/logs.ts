import { join } from "node:path";
import { follow } from "./follow.ts";
import { formatLogLine } from "./format-log.ts";
import { LocalError } from "./local-error.ts";
import { paths } from "./settings.ts";

const files: Record<string, string> = {
  ingest: join(paths.logs, "ingest.log"),
  api: join(paths.logs, "api.log"),
  worker: join(paths.logs, "worker.log"),
  access: join(paths.logs, "access.log"),
  nginx: join(paths.logs, "nginx.log"),
  redis: join(paths.data, "redis/redis.log"),
  mysql: join(paths.data, "mysql/mysql.log"),
  elasticsearch: join(paths.data, "elasticsearch/elasticsearch.log"),
};

/** Follows the product's logs, or the one that is named (the stores' too), until Ctrl-C. */
export async function logs(name: string | undefined): Promise<void> {
  const product = ["ingest", "api", "worker", "access", "nginx"];
  const names = name === undefined ? product : [name];
  const stop = new AbortController();
  process.once("SIGINT", () => {
    stop.abort();
  });
  const followAll = names.map((source) => {
    const file = files[source];
    if (file === undefined) throw new LocalError(`There is no log ${source}: choose ${Object.keys(files).join(", ")}.`);
    const print = (line: string) => {
      console.log(formatLogLine(line, source, process.stdout.isTTY));
    };
    return follow(file, print, stop.signal);
  });
  await Promise.all(followAll);
}
