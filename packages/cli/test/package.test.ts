import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { useStack } from "./stack.ts";

const run = promisify(execFile);

describe("the package of confabctl", function () {
  this.timeout(240_000);
  const stack = useStack();
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-package-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("installs into an empty folder without a registry, and runs there", async () => {
    const builder = join(import.meta.dirname, "../package/build.ts");
    const { stdout: built } = await run(process.execPath, ["--conditions=@confab/source", builder, folder]);
    const tarball = built.trim();
    expect(tarball).to.match(/\/confabctl-\d+\.\d+\.\d+\.tgz$/);

    await writeFile(join(folder, "package.json"), "{}");
    await run("npm", ["install", "--silent", "--offline", "--ignore-scripts", tarball], { cwd: folder });
    expect(await readdir(join(folder, "node_modules")))
      .to.include("confabctl")
      .and.not.include("@confab");

    const path = `${dirname(process.execPath)}:${process.env.PATH ?? ""}`;
    const confabctl = async (...args: string[]): Promise<string> => {
      const program = join(folder, "node_modules/.bin/confabctl");
      return (await run(program, args, { cwd: folder, env: { ...stack.env, PATH: path } })).stdout;
    };
    expect(await confabctl("--version")).to.match(/^\d+\.\d+\.\d+\n$/);
    const { token } = await stack.json<{ token: string }>("app", "create", "Packaged");
    await stack.json("chat", "create", token);
    expect(await confabctl("send", token, "1", "from a package")).to.equal("message 1\n");
    // These need what is read at run time: Prisma's query compiler and the migrations.
    expect(await confabctl("migrate", "--status")).to.match(/^applied {2}\d+_init\n/);
    expect(await confabctl("counts", "verify")).to.match(/^All counts are correct: 1 application and 1 chat in /);
  });
});
