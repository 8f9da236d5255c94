import { LocalError } from "./local-error.ts";
import { lastLine, run } from "./run.ts";
import { sourceCondition, serviceNames, type ServiceName, type ServiceVariables } from "./services.ts";
import { paths } from "./settings.ts";

interface Checked {
  readonly service: ServiceName;
  readonly variables: readonly string[];
  readonly problems: readonly { readonly name: string; readonly message: string }[];
}

/**
 * Checks the settings against the schemas of all services, with the same command that operators use. Returns the names
 * of each service's variables, or throws a LocalError that lists every problem.
 */
export async function checkConfiguration(settings: NodeJS.ProcessEnv): Promise<ServiceVariables> {
  const checked = await readSchemas(settings);
  const problems = new Set(
    checked.flatMap((service) => service.problems.map(({ name, message }) => `  ${name}: ${message}`)),
  );
  if (problems.size > 0) throw new LocalError(["These settings cannot be used:", ...problems].join("\n"));
  return Object.fromEntries(checked.map(({ service, variables }) => [service, variables])) as ServiceVariables;
}

async function readSchemas(settings: NodeJS.ProcessEnv): Promise<Checked[]> {
  const args = [sourceCondition, "packages/cli/src/main.ts", "config", "check", "--json"];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: paths.root, env: settings });
  try {
    const checked = JSON.parse(stdout) as Checked[];
    if (serviceNames.every((name) => checked.some(({ service }) => service === name))) return checked;
  } catch {
    // The error below contains the text that was printed instead of JSON.
  }
  throw new LocalError(`The configuration could not be checked: ${lastLine(`${stdout}\n${stderr}`)}`);
}
