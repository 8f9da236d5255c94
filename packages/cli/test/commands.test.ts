import { expect } from "chai";
import { eventually, freePort } from "@confab/testkit";
import { startCommand, useStack } from "./stack.ts";

interface Application {
  token: string;
  name: string;
}

describe("confabctl", function () {
  this.timeout(120_000);
  const stack = useStack();
  let token: string;

  before(async () => {
    ({ token } = await stack.json<Application>("app", "create", "My app"));
    await stack.json("chat", "create", token, "--name", "General");
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
    expect(stdout.split("\n")[0]).to.match(/^NUMBER +NAME +MESSAGES +LAST MESSAGE +RETENTION +CREATED +UPDATED$/);
    expect(stdout).to.match(/^2 +\\x1b\[31mred +0 /m);
    expect(await stack.json("chat", "list", other.token, "--all")).to.have.length(2);
  });

  it("sends a sender, metadata and replies, and filters by sender", async () => {
    const { token: own } = await stack.json<Application>("app", "create", "Fields");
    const metadata = '{"topic":"orders"}';
    expect(await stack.json("chat", "create", own, "--metadata", metadata)).to.deep.include({
      metadata: { topic: "orders" },
    });
    await stack.json("send", own, "1", "Hello", "--sender", "anna");
    const reply = ["--sender", "ben", "--metadata", '{"mood":"good"}', "--reply-to", "1"];
    expect(await stack.json("send", own, "1", "Hello Anna", ...reply)).to.deep.include({
      number: 2,
      sender: "ben",
      metadata: { mood: "good" },
      reply_to: 1,
    });
    expect((await stack.run(["tail", own, "1", "--no-follow"])).stdout).to.match(/ben: Hello Anna$/m);
    const ofMessage = ["api", "getMessage", "--token", own, "--chat", "1", "--message", "2"];
    expect((await stack.run(ofMessage)).stdout).to.match(/^metadata +\{"mood":"good"\}$/m);
    expect((await stack.run(["send", own, "1", "x", "--metadata", "{"])).code).to.equal(2);
    await eventually(async () => {
      const hits = await stack.json<{ number: number }[]>("search", own, "1", "hello", "--sender", "anna");
      expect(hits.map(({ number }) => number)).to.deep.equal([1]);
    });
    const [latest] = await stack.json<{ number: number }[]>("chat", "list", own, "--by-activity");
    expect(latest).to.include({ number: 1, last_message_number: 2 });
  });

  it("sets and shows read horizons, and lists what is unread", async () => {
    const { token: own } = await stack.json<Application>("app", "create", "Reads");
    await stack.json("chat", "create", own);
    for (const body of ["one", "two", "three"]) await stack.json("send", own, "1", body);
    expect(await stack.json("reads", "set", own, "1", "anna/b", "2")).to.include({ number: 2, unread: 1 });
    expect(await stack.json("reads", "set", own, "1", "anna/b", "1")).to.include({ number: 2 });
    expect(await stack.json("reads", "show", own, "1", "ben")).to.include({ number: 0, unread: 3, updated_at: null });
    expect((await stack.run(["reads", "show", own, "1", "anna/b"])).stdout).to.match(/^anna\/b +2 +1 +\d{4}-/m);
    expect((await stack.run(["reads", "list", own, "1"])).stdout).to.match(/^anna\/b +2 +\d{4}-/m);
    await eventually(async () => {
      const chats = await stack.json<{ unread: number }[]>("reads", "unread", own, "anna/b");
      expect(chats.map(({ unread }) => unread)).to.deep.equal([1]);
    });
    expect((await stack.run(["reads", "unread", own, "anna/b"])).stdout).to.match(/^1 +1 +2 +\d{4}-/m);
  });

  it("edits and deletes messages, and shows their history", async () => {
    const { token: own } = await stack.json<Application>("app", "create", "Changes");
    await stack.json("chat", "create", own);
    await stack.json("send", own, "1", "first");
    expect(await stack.json("message", "edit", own, "1", "1", "uno")).to.include({ body: "uno", version: 2 });
    const late = await stack.run(["message", "edit", own, "1", "1", "due", "--if-version", "1"]);
    expect([late.code, late.stderr.includes("version-mismatch")]).to.deep.equal([3, true]);
    const ofMessage = ["--token", own, "--chat", "1", "--message", "1"];
    expect((await stack.run(["api", "listMessageVersions", ...ofMessage])).stdout).to.match(/^1 .*first/m);
    expect(await stack.json("message", "delete", own, "1", "1")).to.deep.equal({ deleted: 1 });
    expect((await stack.run(["tail", own, "1", "--no-follow"])).stdout).to.match(/\(deleted\)$/m);
    expect((await stack.run(["api", "getMessage", ...ofMessage])).stderr).to.match(/message-deleted/);
    const exported = (await stack.run(["export", "--application", own])).stdout;
    expect(JSON.parse(exported)).to.deep.include({ messages: [] });
  });

  it("uses the application of CONFAB_TOKEN or --token if no token comes first", async () => {
    const { token: own } = await stack.json<Application>("app", "create", "Default");
    const env = { CONFAB_TOKEN: own };
    const inDefault = async (...args: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await stack.run([...args, "--json"], env);
      expect(code, stderr).to.equal(0);
      return JSON.parse(stdout);
    };
    expect(await inDefault("app", "show")).to.include({ token: own });
    expect(await inDefault("chat", "create")).to.include({ application_token: own, number: 1 });
    expect(await inDefault("send", "1", token)).to.include({ application_token: own, body: token });
    expect(await inDefault("api", "getMessage", "--chat", "1", "--message", "1")).to.include({ body: token });
    const ofGeneral = await inDefault("api", "getChat", "--token", token, "--chat", "1");
    expect(ofGeneral).to.include({ application_token: token, name: "General" });
    expect(await stack.json("app", "show", "--token", token)).to.include({ token });
  });

  it("prints times in UTC, or with --local-time in the time zone of TZ", async () => {
    const { created_at } = await stack.json<{ created_at: string }>("app", "show", token);
    expect((await stack.run(["app", "show", token])).stdout).to.include(created_at);
    for (const [TZ, hours, zone] of [
      ["Asia/Kathmandu", 5.75, "+05:45"],
      ["America/Bogota", -5, "-05:00"],
    ] as const) {
      const local = new Date(Date.parse(created_at) + hours * 3_600_000).toISOString().replace("T", " ").slice(0, 23);
      const env = { ...stack.env, TZ };
      const { stdout } = await startCommand(["app", "show", token, "--local-time"], env).ended;
      expect(stdout).to.include(`${local} ${zone}`);
      const json = await startCommand(["app", "show", token, "--local-time", "--json"], env).ended;
      expect(JSON.parse(json.stdout)).to.include({ created_at });
    }
  });

  it("aligns the numbers of messages", async () => {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    const messages = Array.from({ length: 11 }, () => ({
      application_token: token,
      chat_number: number,
      body: "same",
    }));
    const headers = { "Content-Type": "application/json" };
    await fetch(`${stack.gateway.url}/messages/batch`, { method: "POST", headers, body: JSON.stringify({ messages }) });
    const { stdout } = await stack.run(["tail", token, String(number), "--no-follow"]);
    expect(stdout.split("\n").slice(7, 10)).to.satisfy((lines: string[]) =>
      [" 9  2", "10  2", "11  2"].every((start, index) => lines[index]?.startsWith(start)),
    );
  });

  it("sends a message once for each key, also from standard input", async () => {
    const sent = await stack.json<{ number: number; body: string }>(
      "send",
      token,
      "1",
      "Hello",
      "--idempotency-key",
      "k1",
    );
    expect(await stack.json("send", token, "1", "Hello", "--idempotency-key", "k1")).to.deep.equal(sent);
    const { stdout } = await stack.run(["send", token, "1", "-", "--json"], {}, "from a pipe\n");
    expect(JSON.parse(stdout)).to.include({ number: sent.number + 1, body: "from a pipe" });
  });

  it("shows the last messages, then each that follows, once", async () => {
    const { number: chat } = await stack.json<{ number: number }>("chat", "create", token);
    for (const body of ["one", "two", "three"]) await stack.json("send", token, String(chat), body);
    const tail = startCommand(["tail", token, String(chat), "--from", "2", "--json"], stack.env);
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

  it("explains an error by its exit code and one sentence", async () => {
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
      { args: ["send", token, "999", "x"], code: 3, says: /no chat 999\. .* \(404 chat-not-found\)/ },
      {
        args: ["app", "list"],
        env: { ADMIN_API_KEY: "another-key" },
        code: 3,
        says: /401 unauthorized.*CONFAB_KEY or --key-file.*ADMIN_API_KEY/,
      },
      { args: ["app", "create", "x".repeat(256)], code: 3, says: /\/name must have at most 255 characters \(422/ },
      {
        args: ["app", "list"],
        env: { CONFAB_URL: nobodyThere },
        code: 4,
        says: /Check that it is running \(in a checkout `make up` starts it\)/,
      },
      {
        args: ["counts", "verify"],
        env: { DATABASE_URL: "mysql://a:b@127.0.0.1:1/c" },
        code: 4,
        says: /database is unavailable .*Check DATABASE_URL/,
      },
      {
        args: ["migrate"],
        env: { DATABASE_URL: "mysql://a:b@127.0.0.1:1/c" },
        code: 4,
        says: /database is unavailable .*Check DATABASE_URL/,
      },
      { args: ["send", "1", "x"], code: 2, says: /no application is named.*--token or CONFAB_TOKEN/ },
      { args: ["send", token, "1"], code: 2, says: /missing required argument 'body'/ },
      { args: ["send", "x", "1", "y"], code: 2, says: /must be an application token/ },
      { args: ["tail", token, "one"], code: 2, says: /'one' is not valid for the argument 'chat'/ },
      { args: ["tail", token, "1", "2"], code: 2, says: /too many arguments\.\n$/ },
      {
        args: ["search", token, "1", "payment", "failed"],
        code: 2,
        says: /If the query has several words, put it in quotes: "payment failed"/,
      },
      {
        args: ["send", "1", "two", "words"],
        env: { CONFAB_TOKEN: token },
        code: 2,
        says: /If the body has several words, put it in quotes: "two words"/,
      },
      {
        args: ["app", "list"],
        env: { CONFAB_URL: stack.gateway.url.replace("http:", "https:") },
        code: 4,
        says: /does not use TLS\. Use http:\/\/ instead of https:\/\//,
      },
      { args: ["app", "list"], env: { CONFAB_URL: "http://confab.invalid" }, code: 4, says: /cannot be resolved/ },
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
    expect((await stack.run(["--version"])).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    const { code, stdout } = await stack.run(["help", "import"]);
    expect([code, stdout.includes("confabctl import")]).to.deep.equal([0, true]);
    const debugged = await stack.run(["app", "show", nobody], { DEBUG: "confab" });
    expect(debugged.stderr).to.match(/\n +at /);
  });
});
