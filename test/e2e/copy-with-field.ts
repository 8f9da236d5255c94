import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const repository = join(import.meta.dirname, "../..");

/** The changes that a new message field requires, by file: the text to find, and its replacement. */
const changes: Record<string, [before: string | RegExp, after: string][]> = {
  "packages/contracts/src/message-content.ts": [
    ["export const contentInput = {", "$&\n  reaction: senderSchema.nullish(),"],
    ["export const contentOutput = {", "$&\n  reaction: z.string().nullable(),"],
    [/\{ body, sender,(.*?)return \{ body,/s, "{ body, reaction, sender,$1return { body, reaction: reaction ?? null,"],
    ["const { sender, metadata, reply_to }", "const { reaction, sender, metadata, reply_to }"],
    ["if ((sender ??", "if ((reaction ?? sender ??"],
    ["= {\n    sender: sender", "= {\n    reaction: reaction ?? undefined,\n    sender: sender"],
  ],
  "packages/pending/src/accepted-batch.ts": [
    [/bodyBytes, sender,(.*?)bodyBytes,/s, "bodyBytes, reaction, sender,$1bodyBytes,\n reaction,"],
  ],
  "services/ingest/src/use-cases/accept-runs.ts": [
    [/const \{ body, sender,(.*?) body,/s, "const { body, reaction, sender,$1 body, reaction,"],
  ],
  "packages/database/prisma/schema.prisma": [
    [/(model Message \{.*?)reply_to/s, "$1reaction String? @db.Text\n  reply_to"],
  ],
};

export const migration = "ALTER TABLE messages ADD COLUMN reaction TEXT";

/**
 * Copies the sources to a folder and turns them into a version whose messages have an additional field, `reaction`. The
 * caller deletes the folder.
 */
export async function copyWithField(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "confab-newer-"));
  const isSource = (path: string): boolean => !/\/(?:dist|node_modules)$/.test(path);
  for (const folder of ["packages", "services"])
    await cp(join(repository, folder), join(root, folder), { recursive: true, filter: isSource });
  await cp(join(repository, "tsconfig.base.json"), join(root, "tsconfig.base.json"));
  await linkModules("node_modules", root);
  for (const name of ["cli", "runtime"]) await linkModules(`packages/${name}/node_modules`, root);

  for (const [file, edits] of Object.entries(changes)) {
    let text = await readFile(join(root, file), "utf8");
    for (const [before, after] of edits) {
      const edited = text.replace(before, after);
      if (edited === text) throw new Error(`${file} lacks ${String(before)}`);
      text = edited;
    }
    await writeFile(join(root, file), text);
  }
  const folder = join(root, "packages/database/prisma/migrations/99990101000000_reactions");
  await mkdir(folder);
  await writeFile(join(folder, "migration.sql"), `${migration};\n`);
  await promisify(execFile)("npm", ["run", "generate"], { cwd: join(root, "packages/database") });
  return root;
}

/** Links the installed packages, and links the workspaces to their copies. */
async function linkModules(path: string, root: string): Promise<void> {
  await mkdir(join(root, path, "@confab"), { recursive: true });
  const names = (await readdir(join(repository, path))).filter((name) => name !== "@confab");
  const workspaces = path === "node_modules" ? ["packages", "services"] : [];
  await Promise.all(names.map((name) => symlink(join(repository, path, name), join(root, path, name))));
  for (const folder of workspaces) {
    for (const name of await readdir(join(root, folder)))
      await symlink(join(root, folder, name), join(root, path, "@confab", name));
  }
}
