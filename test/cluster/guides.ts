import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { findTool } from "@confab/cluster";
import { shellBlocks } from "@confab/testkit";
import { run } from "./command.ts";
import { chartFolder, type Release } from "./release.ts";

/** A terminal for following the guides: in the namespace of a release, in a folder with its values and the chart. */
export interface Terminal {
  /**
   * Pastes all commands of one section of a page in docs/how-to into a shell, which exits at the first failure.
   * Resolves with the output. `replaced` maps the names that every reader must replace, such as an image.
   */
  follow(page: string, heading: string, replaced?: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

export async function openTerminal(release: Release): Promise<Terminal> {
  const folder = await mkdtemp(join(tmpdir(), "confab-guides-"));
  const kubeconfig = join(folder, "kubeconfig");
  await copyFile(process.env.KUBECONFIG ?? join(homedir(), ".kube/config"), kubeconfig);
  const folders = (await Promise.all((["kubectl", "helm"] as const).map(findTool))).map(dirname);
  const path = [...folders.filter((each) => each !== "."), process.env.PATH ?? ""].join(delimiter);
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: path };
  await run("kubectl", ["config", "set-context", "--current", "--namespace", release.namespace], { env });
  await symlink(join(chartFolder, ".."), join(folder, "charts"));
  return {
    async follow(page, heading, replaced = {}) {
      await writeFile(join(folder, "values.yaml"), await release.helm("get", "values", "confab", "--output", "yaml"));
      const blocks = shellBlocks(await sectionOf(page, heading));
      if (blocks.length === 0) throw new Error(`${page} has no commands under "${heading}".`);
      const script = Object.entries(replaced).reduce(
        (text, [from, to]) => text.replaceAll(from, to),
        blocks.join("\n"),
      );
      return run("bash", ["-eu", "-o", "pipefail", "-c", `cd '${folder}'; ${script}`], { env });
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Returns the text from a heading, or from the title of the page, to the next heading. */
async function sectionOf(page: string, heading: string): Promise<string> {
  const text = await readFile(join(chartFolder, "../../docs/how-to", page), "utf8");
  const section = text.split(/^##? /m).find((each) => each.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${page} has no heading "${heading}".`);
  return section;
}
