import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { watch } from "chokidar";
import { serviceNames, type ServiceName } from "./services.ts";
import { paths } from "./settings.ts";

const debounceMs = 200;
const ignored = /(^|\/)(node_modules|dist|test|coverage)(\/|$)|\.test\.ts$|\.md$/;

export interface SourceWatch {
  close(): Promise<void>;
}

/**
 * Calls `onChange` with the services that a saved change affects: the file's own service, or all services that depend
 * on the file's package. Files that are replaced, for example by editors or git, count like overwritten ones.
 */
export async function watchSources(onChange: (services: readonly ServiceName[]) => void): Promise<SourceWatch> {
  const folders = Object.fromEntries(serviceNames.map((name) => [name, sourceFolders(name)]));
  const pending = new Set<ServiceName>();
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch([...new Set(Object.values(folders).flat())], {
    ignoreInitial: true,
    ignored: (path) => ignored.test(relative(paths.root, path).replaceAll(sep, "/")),
  });
  watcher.on("all", (_event, path) => {
    for (const name of serviceNames)
      if (folders[name]?.some((folder) => isBelow(path, folder)) === true) pending.add(name);
    // A change to a folder itself affects no service.
    if (pending.size === 0) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      onChange([...pending]);
      pending.clear();
    }, debounceMs);
  });
  await new Promise<void>((resolve) => watcher.on("ready", resolve));
  return {
    async close() {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

const isBelow = (path: string, folder: string) => path.startsWith(folder + sep);

/** Returns the folders of a service and of the workspace packages that it depends on, directly or indirectly. */
function sourceFolders(service: ServiceName): string[] {
  const packages = new Map(
    readdirSync(join(paths.root, "packages")).map((name) => {
      const folder = join(paths.root, "packages", name);
      return [readManifest(folder)?.name, folder];
    }),
  );
  const found = new Set<string>();
  const visit = (folder: string) => {
    if (found.has(folder)) return;
    found.add(folder);
    for (const name of Object.keys(readManifest(folder)?.dependencies ?? {})) {
      const dependency = packages.get(name);
      if (dependency !== undefined) visit(dependency);
    }
  };
  visit(join(paths.root, "services", service));
  return [...found];
}

function readManifest(folder: string) {
  try {
    const text = readFileSync(join(folder, "package.json"), "utf8");
    return JSON.parse(text) as { readonly name: string; readonly dependencies?: Readonly<Record<string, string>> };
  } catch {
    // This is a stray folder or file beside the packages, not a package.
    return undefined;
  }
}
