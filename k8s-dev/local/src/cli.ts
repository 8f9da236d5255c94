import { dev } from "./dev.ts";
import { down, reset } from "./down.ts";
import { LocalError } from "./local-error.ts";
import { withLock } from "./lock.ts";
import { logs } from "./logs.ts";
import { createProgress } from "./progress.ts";
import { paths, readPorts } from "./settings.ts";
import { status } from "./status.ts";
import { up } from "./up.ts";

const [command, ...rest] = process.argv.slice(2);
const { env } = process;

const commands: Record<string, () => Promise<void>> = {
  up: async () => {
    await withLock(paths.lock, () => up(env, createProgress()));
    console.log(welcome(`http://localhost:${readPorts(env).CONFAB_PORT}`));
  },
  down: () => withLock(paths.lock, () => down(createProgress())),
  reset: () => withLock(paths.lock, () => reset(createProgress(), rest.includes("--yes"))),
  dev: () => dev(env, createProgress()),
  logs: () => logs(rest[0]),
  status: () => status(env),
};

function welcome(url: string): string {
  const key = env.ADMIN_API_KEY === undefined ? "" : ` -H "Authorization: Bearer $ADMIN_API_KEY"`;
  return `
  Confab runs on ${url}
    documentation  ${url}/docs
    logs           make logs
    what runs      make status
    stop           make down

  Make an application, then a chat in it, then send a message:
    curl -X POST ${url}/applications${key} -H 'Content-Type: application/json' -d '{"name":"demo"}'
`;
}

async function main(): Promise<void> {
  const chosen = command === undefined ? undefined : commands[command];
  if (chosen === undefined) throw new LocalError(`Choose one of: ${Object.keys(commands).join(", ")}.`);
  await chosen();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
