import { expect } from "chai";
import { eventually, freePort } from "@confab/testkit";
import { startCommand, startStack, type Stack } from "./stack.ts";

interface Application {
  token: string;
  name: string;
}

describe("confabctl", function () {
  this.timeout(120_000);
  let stack: Stack;
  let token: string;

  before(async () => {
    stack = await startStack();
    ({ token } = await stack.json<Application>("app", "create", "My app"));
    await stack.json("chat", "create", token, "--name", "General");
  });
  after(async () => {
    await stack.stop();
  });

  it("creates, lists and shows applications and chats, as tables or as JSON", async () => {
    const other = await stack.json<Application>("app", "create", "Other");
    expect(await stack.json("app", "show", other.token)).to.deep.equal(other);
    const names = (await stack.json<Application[]>("app", "list")).map(({ name }) => name);
    expect(names).to.deep.equal(["My app", "Other"]);
    expect(await stack.json("app", "list", "--limit", "1")).to.have.length(1);

    const first = await stack.json<object>("chat", "create", other.token);
    expect(first).to.include({ application_token: other.token, number: 1, name: null, messages_count: 0 });
    await stack.json("chat", "create", other.token, "--name", "\u001b[31mred");
    const { stdout } = await stack.run(["chat", "list", other.token]);
    expect(stdout.split("\n")[0]).to.match(/^NUMBER +NAME +MESSAGES +CREATED$/);
    expect(stdout).to.match(/^2 +\\x1b\[31mred +0 /m);
    expect(await stack.json("chat", "list", other.token, "--all")).to.have.length(2);
  });

  it("sends a message once for each key, also from standard input", async () => {
    const sent = await stack.json<{ number: number; body: string }>("send", token, "1", "Hello", "--key", "k1");
    expect(await stack.json("send", token, "1", "Hello", "--key", "k1")).to.deep.equal(sent);
    const { stdout } = await stack.run(["send", token, "1", "-", "--json"], {}, "from a pipe\n");
    expect(JSON.parse(stdout)).to.include({ number: sent.number + 1, body: "from a pipe" });
  });

  it("shows the last messages, then each that follows, once", async () => {
    const { number: chat } = await stack.json<{ number: number }>("chat", "create", token);
    for (const body of ["one", "two", "three"]) await stack.json("send", token, String(chat), body);
    const tail = startCommand(["tail", token, String(chat), "--from", "2", "--interval", "0.1", "--json"], stack.env);
    let seen = "";
    tail.child.stdout.on("data", (bytes: Buffer) => (seen += bytes.toString()));
    const bodies = () =>
      seen
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => (JSON.parse(line) as { body: string }).body);
    await eventually(() => {
      expect(bodies()).to.deep.equal(["two", "three"]);
    });
    await stack.json("send", token, String(chat), "four");
    await eventually(() => {
      expect(bodies()).to.deep.equal(["two", "three", "four"]);
    });
    tail.child.kill("SIGTERM");
    await tail.ended;
    const { stdout } = await stack.run(["tail", token, String(chat), "--no-follow"]);
    expect(stdout).to.match(/^1 .* one\n2 .* two\n3 .* three\n4 .* four\n$/);
  });

  it("searches with and without the word query, following pages with --all", async () => {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    const chat = String(number);
    await stack.json("send", token, chat, "Hello <world>");
    await stack.json("send", token, chat, "hello again");
    await eventually(async () => {
      expect(await stack.json("search", token, chat, "ell")).to.have.length(2);
    });
    expect(await stack.json("search", "query", token, chat, "ell", "--limit", "1")).to.have.length(1);
    expect(await stack.json("search", token, chat, "ell", "--all")).to.have.length(2);
    expect((await stack.run(["search", token, chat, "world"])).stdout).to.match(/^1 .* Hello <world>\n$/);
    expect((await stack.run(["search", token, chat, "hell world zebra"])).stdout).to.equal("(nothing found)\n");
  });

  it("tells by its exit code and one sentence what went wrong", async () => {
    const nobodyThere = `http://127.0.0.1:${await freePort()}`;
    const nobody = "00000000-0000-4000-8000-000000000000";
    const cases: { args: string[]; env?: Record<string, string>; code: number; says: RegExp }[] = [
      { args: [], code: 2, says: /Usage: confabctl/ },
      { args: ["bogus"], code: 2, says: /unknown command 'bogus'/ },
      { args: ["app", "show", "x"], code: 2, says: /must be an application token/ },
      { args: ["chat", "list", token, "--limit", "0"], code: 2, says: /whole number from 1/ },
      { args: ["send", token, "1", " "], code: 2, says: /must not be empty or only white space/ },
      { args: ["app", "list", "--url", "nowhere"], code: 2, says: /http:\/\/ or https:\/\// },
      { args: ["app", "show", nobody], code: 3, says: /404 application-not-found/ },
      { args: ["send", token, "999", "x"], code: 3, says: /no chat 999 \(404 chat-not-found\)/ },
      { args: ["app", "list"], env: { ADMIN_API_KEY: "another-key" }, code: 3, says: /403 forbidden/ },
      { args: ["app", "create", "x".repeat(256)], code: 3, says: /\/name must have at most 255 characters \(422/ },
      {
        args: ["app", "list"],
        env: { CONFAB_URL: nobodyThere },
        code: 4,
        says: /is it running\? On this machine `make up`/,
      },
      {
        args: ["counts", "verify"],
        env: { DATABASE_URL: "mysql://a:b@127.0.0.1:1/c" },
        code: 4,
        says: /database cannot be used now/,
      },
      {
        args: ["migrate"],
        env: { DATABASE_URL: "mysql://a:b@127.0.0.1:1/c" },
        code: 4,
        says: /database cannot be used now/,
      },
      { args: ["migrate"], env: { DATABASE_URL: "redis://x" }, code: 78, says: /DATABASE_URL: expected a URL/ },
    ];
    const answers = await Promise.all(cases.map(({ args, env }) => stack.run(args, env)));
    cases.forEach(({ args, code, says }, index) => {
      const answer = answers[index]!;
      expect(answer.stderr, args.join(" ")).to.match(says);
      expect(answer.stderr, args.join(" ")).not.to.match(/\n +at /);
      expect(answer.stdout, args.join(" ")).to.equal("");
      expect(answer.code, args.join(" ")).to.equal(code);
    });
    const { code, stdout } = await stack.run(["help", "import"]);
    expect([code, stdout.includes("confabctl import")]).to.deep.equal([0, true]);
    const debugged = await stack.run(["app", "show", nobody], { DEBUG: "confab" });
    expect(debugged.stderr).to.match(/\n +at /);
  });
});
