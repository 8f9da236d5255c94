import { eventually, testStores } from "@confab/testkit";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { useStack } from "./stack.ts";
import { startInTerminal } from "./terminal.ts";

describe("commands that destroy something", function () {
  this.timeout(120_000);
  const stack = useStack(() => ({ ERASURE_SETTLE_TIME: "300ms", REDIS_URL: testStores().redisUrl }));
  let token: string;
  beforeEach(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Precious"));
    await stack.json("chat", "create", token, "--name", "Team");
    await stack.json("send", token, "1", "hello");
  });

  const stillThere = async (): Promise<void> => {
    expect(await stack.json("app", "show", token)).to.include({ chats_count: 1 });
  };

  it("do nothing without a terminal and without --yes, and say so", async () => {
    for (const command of [
      ["app", "delete", token],
      ["chat", "delete", token, "1"],
      ["erase", token],
      ["erase", token, "--verify", "--sender", "anna"],
      ["keys", "revoke", token, "8Qn3fVbZ"],
      ["keys", "revoke", "--admin", "8Qn3fVbZ"],
      ["dead-letters", "drop", "1"],
      ["retention", "set", token, "1"],
      ["retention", "set", token, "none", "--chat", "1"],
    ]) {
      const { code, stderr } = await stack.run(command);
      expect([code, stderr], command.join(" ")).to.deep.equal([
        6,
        "Nothing was done: this command destroys something, and there is no terminal to ask at. If you mean it, add --yes.\n",
      ]);
    }
    await stillThere();
  });

  it("do not take their application from CONFAB_TOKEN", async () => {
    for (const command of [
      ["app", "delete"],
      ["chat", "delete", "1"],
      ["erase"],
      ["erase", "--verify"],
      ["keys", "revoke", "8Qn3fVbZ"],
      ["retention", "set", "1"],
    ]) {
      const { code, stderr } = await stack.run([...command, "--yes"], { CONFAB_TOKEN: token });
      expect(code, command.join(" ")).to.equal(2);
      expect(stderr).to.include("CONFAB_TOKEN is not used");
    }
    await stillThere();
    expect((await stack.run(["--token", token, "app", "delete", "--yes"])).code).to.equal(0);
  });

  it("count with --dry-run, and delete nothing", async () => {
    await eventually(async () => {
      expect(await stack.json("app", "delete", token, "--dry-run")).to.deep.equal({
        application_token: token,
        name: "Precious",
        chats: 1,
        messages: 1,
      });
    });
    expect((await stack.run(["chat", "delete", token, "1", "--dry-run"])).stdout).to.equal(
      'would delete chat 1 "Team" with 1 message\n',
    );
    const { found } = await stack.json<{ found: { store: string; what: string; count: number }[] }>(
      "erase",
      token,
      "--dry-run",
    );
    expect(found.find(({ store, what }) => store === "mysql" && what === "messages")?.count).to.equal(1);
    await stillThere();
  });

  it("ask at a terminal, and go ahead only after yes", async () => {
    for (const [keys, code] of [
      ["no\n", 6],
      ["\u0004", 6],
      ["yes\n", 0],
    ] as const) {
      await stillThere();
      const { ended, screen, press } = startInTerminal(["app", "delete", token], stack.env);
      try {
        await eventually(() => {
          expect(screen()).to.match(
            /This deletes the application "Precious" with 1 chat and \d messages?\.[^]*Type yes/,
          );
        });
      } finally {
        press(screen().includes("Type yes") ? keys : "\u0003");
      }
      expect((await ended).code, JSON.stringify(keys)).to.equal(code);
    }
    expect((await stack.run(["app", "show", token])).code).to.equal(3);
  });

  it("only wait for what is already deleted, without asking", async () => {
    expect((await stack.run(["app", "delete", token, "--yes"])).code).to.equal(0);
    expect((await stack.run(["erase", token])).stderr).to.include("was already deleted");
    expect((await stack.run(["erase", randomUUID()])).code).to.equal(3);
  });
});
