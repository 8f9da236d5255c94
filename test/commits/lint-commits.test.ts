import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect } from "chai";

const root = join(import.meta.dirname, "../..");
const env = {
  ...process.env,
  PATH: [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter),
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

describe("the commits of a branch", function () {
  this.timeout(60_000);
  let folder: string;
  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, env, stdio: "pipe" });
  const commit = (message: string) => git("commit", "--quiet", "--allow-empty", "--message", message);
  const lint = (cwd = folder) => {
    const { status, stdout } = spawnSync("sh", [join(root, ".ci/lint-commits.sh")], { cwd, env, encoding: "utf8" });
    return { status, stdout };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "confab-commits-"));
    git("init", "--quiet", "--initial-branch", "main");
    commit("Written before anybody checked");
    git("switch", "--quiet", "--create", "branch");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("are refused without a type", () => {
    commit("Say more");
    expect(lint().status).to.equal(1);
    expect(lint().stdout).to.include("type-empty");
  });

  it("are refused when the subject has more than 72 characters", () => {
    commit(`docs: ${"x".repeat(66)}`);
    expect(lint()).to.deep.equal({ status: 0, stdout: "" });
    commit(`docs: ${"x".repeat(67)}`);
    expect(lint().stdout).to.include("header-max-length");
  });

  it("are accepted with a scope, a name as first word and a long line in the body", () => {
    commit(`feat(http)!: README shows links\n\n${"long ".repeat(40)}`);
    expect(lint()).to.deep.equal({ status: 0, stdout: "" });
  });

  it("are judged from the nearest main branch on", () => {
    git("update-ref", "refs/remotes/origin/main", "main");
    git("switch", "--quiet", "main");
    commit("Not judged either: it is on main");
    git("switch", "--quiet", "--create", "other");
    expect(lint()).to.deep.equal({ status: 0, stdout: "" });
    commit("Judged");
    expect(lint().status).to.equal(1);
  });

  it("are not judged where there is no main branch to compare with", () => {
    commit("Say more");
    const clone = join(folder, "clone");
    git("clone", "--quiet", "--depth", "1", "--branch", "branch", `file://${folder}`, clone);
    expect(lint(clone)).to.deep.equal({ status: 0, stdout: "" });
  });
});
