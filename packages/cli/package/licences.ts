import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Returns the licence texts of all packages that the bundled modules belong to. */
export async function licencesOf(modules: readonly string[]): Promise<string> {
  const folders = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
  const texts = await Promise.all([...new Set(folders)].sort().map(licenceOf));
  return texts.join(`\n\n${"-".repeat(80)}\n\n`);
}

async function licenceOf(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Record<string, string>;
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|notice)/i.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return [`${manifest.name ?? ""} ${manifest.version ?? ""} (${manifest.license ?? "see below"})`, ...texts].join(
    "\n\n",
  );
}
