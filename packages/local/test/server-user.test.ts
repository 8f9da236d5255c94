import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { isReachable, prepareFolder, serverUser } from "../src/server-user.ts";

describe("the user that a store runs as", () => {
  const folder = mkdtempSync(join(tmpdir(), "confab-user-"));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("is an unprivileged one where this process is root, else this process's", () => {
    const user = serverUser("no-such-user");
    if (process.getuid?.() === 0) expect(user).to.include({ name: "nobody" }).and.not.include({ uid: 0 });
    else expect(user).to.equal(undefined);
  });

  it("owns the data, also what was root's, and reaches it through folders that it cannot list", () => {
    const data = join(folder, "closed/redis/data");
    mkdirSync(join(data, "deep"), { recursive: true, mode: 0o700 });
    writeFileSync(join(data, "deep/file"), "");
    expect(isReachable(join(folder, "closed"))).to.equal(false);
    const user = serverUser();
    prepareFolder(data, user);
    expect(statSync(data).mode & 0o777).to.equal(0o700);
    if (user === undefined) return;
    expect(isReachable(join(folder, "closed"))).to.equal(true);
    const as = (command: string, path: string) => spawnSync(command, [path], { uid: user.uid, gid: user.gid }).status;
    expect(as("cat", join(data, "deep/file"))).to.equal(0);
    expect(as("ls", join(folder, "closed"))).to.not.equal(0);
  });
});
