/**
 * Writes confabctl-VERSION.tgz to the folder of the first argument: one bundle, which installs without this repository, without
 * other packages and without install scripts. It is not minified: stack traces stay readable, and the LGPL of the MariaDB driver
 * wants its users to be able to replace it.
 */
import { execFile } from "node:child_process";
import { cp, glob, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { version } from "@confab/config";
import { build } from "rolldown";
import { licencesOf } from "./licences.ts";

const root = join(import.meta.dirname, "../../..");
const target = resolve(process.argv[2] ?? join(root, "packages/cli/dist"));
const folder = await mkdtemp(join(tmpdir(), "confabctl-package-"));

const manifest = {
  name: "confabctl",
  version,
  description: "Uses and operates Confab, the distributed chat back end.",
  license: "Apache-2.0",
  type: "module",
  bin: { confabctl: "dist/confabctl.js" },
  imports: { "#lua/*": "./lua/*.lua" },
  engines: { node: ">=24.22.3" },
  files: ["dist", "lua", "prisma", "THIRD-PARTY-LICENCES"],
};

try {
  const { output } = await build({
    input: { confabctl: join(root, "packages/cli/src/main.ts") },
    platform: "node",
    resolve: { conditionNames: ["@confab/source", "import", "node", "default"] },
    output: {
      dir: join(folder, "dist"),
      entryFileNames: "[name].js",
      banner: (chunk) => (chunk.isEntry ? "#!/usr/bin/env node" : ""),
    },
  });
  const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  await writeFile(join(folder, "THIRD-PARTY-LICENCES"), await licencesOf(modules));
  // Read at run time: the scripts by the `imports` of package.json, the migrations by their place beside dist/.
  for await (const script of glob(join(root, "packages/pending/src/*.lua"))) {
    await cp(script, join(folder, "lua", basename(script)));
  }
  await cp(join(root, "packages/database/prisma/migrations"), join(folder, "prisma/migrations"), { recursive: true });
  await cp(join(root, "LICENSE"), join(folder, "LICENSE"));
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
  await mkdir(target, { recursive: true });
  const pack = ["pack", "--silent", "--pack-destination", target];
  const { stdout } = await promisify(execFile)("npm", pack, { cwd: folder });
  process.stdout.write(`${join(target, stdout.trim())}\n`);
} finally {
  await rm(folder, { recursive: true });
}
