import { expect } from "chai";
import { routes, type Route } from "@confab/contracts";
import { runCommand, useStack } from "./stack.ts";

const all: Record<string, Route> = routes;
const callable = Object.keys(all).filter((name) => all[name]!.success.stream !== true);

describe("confabctl api", function () {
  this.timeout(120_000);
  const stack = useStack();
  let token: string;

  before(async () => {
    ({ token } = await stack.json<{ token: string }>("api", "createApplication", "--data", '{"name": "Old name"}'));
  });

  const api = (...args: string[]) => stack.run(["api", ...args, "--token", token]);

  it("lists every operation but the streams, and describes the parameters of each", async () => {
    const list = JSON.parse((await runCommand(["api", "--json"], {})).stdout) as { operation: string }[];
    expect(list.map(({ operation }) => operation)).to.deep.equal(callable);
    expect((await runCommand(["api"], {})).stdout).to.match(/^OPERATION +SCOPES +SUMMARY\ncreateApplication +admin /);
    for (const name of callable) {
      const { code, stdout } = await runCommand(["api", name, "--help"], {});
      expect(code, name).to.equal(0);
      const { path, params, query, body } = all[name]!;
      const parameters = [...params.filter((each) => each !== "token"), ...Object.keys(query?.shape ?? {})];
      for (const each of parameters) expect(stdout, name).to.include(each === "key" ? "--key-id <" : `--${each} <`);
      expect(stdout, name).to.include(path);
      expect(stdout.includes("--data <json>"), name).to.equal(body !== undefined);
    }
  });

  it("renames and shows applications and chats, and shows a message", async () => {
    expect((await api("updateApplication", "--data", '{"name": "New name"}')).stdout).to.match(/^name +New name$/m);
    expect((await api("getApplication")).stdout).to.match(/^name +New name$/m);
    const created = await stack.run(["api", "createChat", "--token", token, "--data", "-"], {}, '{"name": "Old chat"}');
    expect(created.stdout, created.stderr).to.match(/^number +1$/m);
    const ofChat = ["--token", token, "--chat", "1"];
    const renamed = await stack.json("api", "updateChat", ...ofChat, "--data", '{"name": "New chat"}');
    expect(renamed).to.include({ number: 1, name: "New chat" });
    expect(await stack.json("api", "getChat", ...ofChat)).to.include({ name: "New chat" });
    expect(await stack.json("api", "updateChat", ...ofChat, "--data", '{"name": null}')).to.include({ name: null });
    await stack.json("send", token, "1", "two\nlines");
    const message = ["getMessage", "--chat", "1", "--message", "1"];
    expect(await stack.json("api", ...message, "--token", token)).to.include({ number: 1, body: "two\nlines" });
    expect((await api(...message)).stdout).to.match(/^body +two↵lines$/m);
  });

  it("follows the pages of a list with --all, and repeats a request with a key", async () => {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    const item = { application_token: token, chat_number: number, body: "same" };
    const batch = JSON.stringify({ messages: Array.from({ length: 250 }, () => item) });
    expect((await stack.run(["api", "createMessages", "--data", "-"], {}, batch)).code).to.equal(0);
    const list = ["api", "listMessages", "--token", token, "--chat", String(number)];
    expect(await stack.json(...list, "--limit", "3")).to.have.length(3);
    expect(await stack.json(...list, "--all")).to.have.length(250);
    expect(await stack.json(...list, "--all", "--after", "240")).to.have.length(10);
    const send = ["api", "createMessage", "--data", JSON.stringify(item), "--idempotency-key", "once"];
    expect(await stack.json(...send)).to.deep.equal(await stack.json(...send));
  });

  it("asks before it destroys something, and takes its application from the command line alone", async () => {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    const ofChat = ["--chat", String(number)];
    const sender = '{"sender": "nobody"}';
    for (const args of [
      ["deleteChat", ...ofChat],
      ["deleteApplication"],
      ["eraseSender", "--data", sender],
      ["updateChat", ...ofChat, "--data", String.raw`{"retention\u005fdays": 1}`],
      ["replaceApplication", "--data", '{"retention_days": 1}'],
    ]) {
      const silent = await api(...args);
      expect([silent.code, silent.stderr.includes("add --yes")], args[0]).to.deep.equal([6, true]);
      const { code, stderr } = await stack.run(["api", ...args, "--yes"], { CONFAB_TOKEN: token });
      expect([code, stderr.includes("CONFAB_TOKEN is not used")], args[0]).to.deep.equal([2, true]);
    }
    expect((await api("getChat", ...ofChat)).code).to.equal(0);
    await stack.json("send", token, String(number), "a single message");
    expect((await api("deleteMessage", ...ofChat, "--message", "1")).stdout).to.equal("done\n");
    expect((await api("deleteChat", ...ofChat, "--yes")).stdout).to.equal("done\n");
    expect((await api("getChat", ...ofChat)).code).to.equal(3);
  });

  it("explains an error like the other commands", async () => {
    for (const [args, code, says] of [
      [["bogus", "--x", "1"], 2, /unknown operation 'bogus'/],
      [["getChat"], 2, /required option '--chat <chat>' not specified/],
      [["getChat", "--chat", "x"], 2, /whole number from 1/],
      [["updateChat", "--chat", "1", "--data", "{"], 2, /--data cannot be read\. It must be JSON/],
      [["updateChat", "--chat", "1"], 2, /required option '--data <json>' not specified/],
      [["getChat", "--chat", "999"], 3, /404 chat-not-found/],
      [["listChats", "--limit", "many"], 3, /422 validation-failed/],
    ] as const) {
      const answer = await api(...args);
      expect(answer.code, args.join(" ")).to.equal(code);
      expect(answer.stderr, args.join(" ")).to.match(says);
    }
    expect((await stack.run(["api", "getApplication"])).stderr).to.include("no application is named");
  });
});
