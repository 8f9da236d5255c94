import { join } from "node:path";
import { follow, readTail } from "./follow.ts";
import { formatLogLine, timeOfLine } from "./format-log.ts";
import { LocalError } from "./local-error.ts";
import { paths } from "./settings.ts";
import { readState, runningProcesses } from "./state.ts";

const product = ["ingest", "api", "worker", "access", "nginx", "supervisor"];
const files: Record<string, string> = {
  ...Object.fromEntries(product.map((name) => [name, join(paths.logs, `${name}.log`)])),
  redis: join(paths.data, "redis/redis.log"),
  mysql: join(paths.data, "mysql/mysql.log"),
  elasticsearch: join(paths.data, "elasticsearch/elasticsearch.log"),
};

/**
 * Prints the last lines of all of Confab's logs, or of the named one, in order of time, and then new lines until
 * Ctrl-C. If nothing is running, throws a LocalError after the last lines.
 */
export async function logs(name: string | undefined): Promise<void> {
  const chosen = (name === undefined ? product : [name]).map((source) => {
    const file = files[source];
    if (file === undefined) throw new LocalError(`There is no log ${source}: choose ${Object.keys(files).join(", ")}.`);
    return { source, file, tail: readTail(file) };
  });
  const stop = new AbortController();
  process.once("SIGINT", () => {
    stop.abort();
  });
  const print = (line: string, source: string) => {
    console.log(formatLogLine(line, source, process.stdout.isTTY));
  };
  for (const { line, source } of inOrder(chosen)) print(line, source);
  if (runningProcesses().length === 0 && readState().composeProject === undefined) {
    throw new LocalError("Nothing runs in the background: make up starts Confab.");
  }
  await Promise.all(
    chosen.map(({ source, file, tail }) =>
      follow(
        file,
        tail.end,
        (line) => {
          print(line, source);
        },
        stop.signal,
      ),
    ),
  );
}

interface Chosen {
  readonly source: string;
  readonly tail: { readonly lines: readonly string[] };
}

/** Sorts lines by time. A line without a time, such as part of a stack trace, stays after the line before it. */
function inOrder(chosen: readonly Chosen[]): { readonly line: string; readonly source: string }[] {
  const timed = chosen.flatMap(({ source, tail }) => {
    let last = 0;
    return tail.lines.map((line) => {
      last = timeOfLine(line) ?? last;
      return { line, source, time: last };
    });
  });
  return timed.toSorted((a, b) => a.time - b.time);
}
