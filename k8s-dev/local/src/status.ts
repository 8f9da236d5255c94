import { serviceNames } from "./services.ts";
import { answers } from "./ready.ts";
import { readPorts } from "./settings.ts";
import { readState } from "./state.ts";

/** Prints what runs, where, and whether the services say that they are ready. */
export async function status(env: NodeJS.ProcessEnv): Promise<void> {
  const { processes, composeProject } = readState();
  const ports = readPorts(env);
  const readyUrls: Record<string, string> = {
    ingest: `http://127.0.0.1:${ports.CONFAB_INGEST_ADMIN_PORT}/readyz`,
    api: `http://127.0.0.1:${ports.CONFAB_API_ADMIN_PORT}/readyz`,
    worker: `http://127.0.0.1:${ports.CONFAB_WORKER_ADMIN_PORT}/readyz`,
    nginx: `http://localhost:${ports.CONFAB_PORT}/openapi.json`,
  };
  const names = ["redis", "mysql", "elasticsearch", ...serviceNames, "nginx"];
  for (const name of names) {
    const entry = processes.find((process) => process.name === name);
    const readyUrl = readyUrls[name];
    if (entry === undefined) {
      if (readyUrl !== undefined) console.log(`  ${name.padEnd(14)} -`);
      continue;
    }
    const state = readyUrl === undefined ? "runs" : (await answers(readyUrl)) ? "ready" : "not ready";
    // Where a store is says its URL, but not who may use it.
    const url = entry.url.replace(/\/\/[^@/]*@/, "//").replace(/\?.*/, "");
    console.log(`  ${name.padEnd(14)} ${state.padEnd(10)} pid ${String(entry.pid).padEnd(8)} ${url}`);
  }
  if (composeProject !== undefined) console.log(`  stores in Docker: docker compose -p ${composeProject} ps`);
}
