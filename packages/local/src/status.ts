import { isRunning } from "./process-identity.ts";
import { answers, whatIsMissing } from "./ready.ts";
import { serviceNames } from "./services.ts";
import { readState, type RecordedProcess } from "./state.ts";

/** Prints the running processes with their URLs, whether the services are ready, and the reason if one is not. */
export async function status(): Promise<void> {
  const { processes, composeProject, supervisor } = readState();
  if (processes.length === 0 && composeProject === undefined) {
    console.log("Nothing runs in the background: make up starts Confab.");
    return;
  }
  const isSupervised = supervisor !== undefined && isRunning(supervisor);
  const stores = ["redis", "mysql", "elasticsearch"].filter((name) => processes.some((entry) => entry.name === name));
  for (const name of [...stores, ...serviceNames, "nginx"]) {
    const entry = processes.find((process) => process.name === name);
    console.log(entry === undefined ? `  ${name.padEnd(14)} -` : await lineOf(entry, isSupervised));
  }
  if (composeProject !== undefined) console.log(`  stores in Docker: docker compose -p ${composeProject} ps`);
  if (!isSupervised) console.log("  Nothing starts again what dies: make up starts the supervisor.");
}

async function lineOf(entry: RecordedProcess, isSupervised: boolean): Promise<string> {
  const line = (state: string, rest: string) => `  ${entry.name.padEnd(14)} ${state.padEnd(10)} ${rest}`;
  const deaths = entry.deaths?.length ?? 0;
  if (entry.failure !== undefined) return line("failed", `it ${entry.failure} (make up tries again)`);
  if (!isRunning(entry)) return line(isSupervised ? "restarting" : "died", `${times(deaths)}make up starts it`);
  // The output shows the server in a store's URL, but not its credentials.
  const url = entry.url.replace(/\/\/[^@/]*@/, "//").replace(/\?.*/, "");
  const where = `pid ${String(entry.pid).padEnd(8)} ${url}`;
  const restarts = entry.deaths?.at(-1);
  const restarted = restarts === undefined ? "" : `, restarted ${agoOf(restarts)}`;
  if (entry.readyUrl === undefined) return line("runs", where + restarted);
  if (await answers(entry.readyUrl)) return line("ready", where + restarted);
  const missing = await whatIsMissing(entry.readyUrl);
  return line("not ready", `${where}${restarted}${missing === undefined ? "" : ` (${missing})`}`);
}

const times = (deaths: number) => (deaths > 1 ? `died ${deaths} times within a minute; ` : "");

function agoOf(time: number): string {
  const minutes = Math.round((Date.now() - time) / 60_000);
  return minutes < 1 ? "just now" : `${minutes} min ago`;
}
