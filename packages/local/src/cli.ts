import { dev } from "./dev.ts";
import { down, reset } from "./down.ts";
import { LocalError } from "./local-error.ts";
import { withLock } from "./lock.ts";
import { logs } from "./logs.ts";
import { createProgress } from "./progress.ts";
import { paths } from "./settings.ts";
import { status } from "./status.ts";
import { up, type Plan } from "./up.ts";

const [command, ...rest] = process.argv.slice(2);
const { env } = process;
env.NODE_COMPILE_CACHE ??= paths.code;

const commands: Record<string, () => Promise<void>> = {
  up: async () => {
    console.log(welcome(await withLock(paths.lock, () => up(env, createProgress()))));
  },
  down: () => withLock(paths.lock, () => down(createProgress())),
  reset: () => withLock(paths.lock, () => reset(createProgress(), rest.includes("--yes"))),
  dev: () => dev(env, createProgress(), rest[0]),
  logs: () => logs(rest[0]),
  status,
};

function welcome({ settings, ports }: Plan): string {
  const url = `http://localhost:${ports.CONFAB_PORT}`;
  const key = settings.ADMIN_API_KEY === undefined ? "" : ` -H "Authorization: Bearer $ADMIN_API_KEY"`;
  return `
  Confab runs on ${url}
    documentation  ${url}/docs
    logs           make logs
    status         make status
    stop           make down

  Create an application, then a chat in it, then send a message:
    curl -X POST ${url}/applications${key} -H 'Content-Type: application/json' -d '{"name":"demo"}'
`;
}

async function main(): Promise<void> {
  const chosen = command === undefined ? undefined : commands[command];
  if (chosen === undefined) throw new LocalError(`Choose one of: ${Object.keys(commands).join(", ")}.`);
  await chosen();
}

// It is not an error if the reader of a pipe, such as `head`, stops reading early.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await main();
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
