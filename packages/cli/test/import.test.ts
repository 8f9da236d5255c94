import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text as streamText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, freePort } from "@confab/testkit";
import { expect } from "chai";
import type { BatchFate } from "./gateway.ts";
import { conversations, ndjson, sorted } from "./conversations.ts";
import { main, startCommand, startStack, type Stack } from "./stack.ts";
import { hideCursor, lineWrapOff, lineWrapOn, showCursor, startInTerminal } from "./terminal.ts";

describe("confabctl import and export", function () {
  this.timeout(120_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack();
  });
  after(async () => {
    await stack.stop();
  });
  afterEach(() => {
    stack.gateway.beforeBatch(() => "pass on");
    stack.gateway.beforeChat(() => undefined);
  });

  async function written(name: string, text: string | Uint8Array): Promise<string> {
    const file = join(stack.folder, name);
    await writeFile(file, text);
    return file;
  }

  /** The exported lines of the applications whose names have this prefix. */
  async function exportedWithIds(prefix: string): Promise<string[]> {
    const { code, stdout } = await stack.run(["export"]);
    expect(code).to.equal(0);
    return sorted(stdout).filter((line) => line.startsWith(`{"application":"${prefix}`));
  }

  /** The same without the ids of the applications, which differ after an import. */
  async function exported(prefix: string): Promise<string[]> {
    return withoutIds((await exportedWithIds(prefix)).join("\n"));
  }

  const withoutIds = (text: string): string[] => sorted(text.replaceAll(/"application_id":"[0-9a-f]{16}",/g, ""));

  const named = (prefix: string, count: number) =>
    conversations(count).map((conversation) => ({
      ...conversation,
      application: `${prefix} ${conversation.application}`,
    }));

  it("imports 200 conversations completely and in order, and exports them unchanged", async () => {
    const text = ndjson(named("round", 200));
    const file = await written("round.ndjson", text);

    const result = await stack.json<Record<string, unknown>>("import", file);

    const messages = named("round", 200).reduce((total, conversation) => total + conversation.messages.length, 0);
    expect(result).to.include({ applications: 4, chats: 200, messages, sent: messages, missing: 0 });
    expect(await exported("round")).to.deep.equal(sorted(text));
    const [application] = (await stack.json<{ name: string; token: string }[]>("app", "list", "--all")).filter(
      ({ name }) => name === "round application 0",
    );
    const target = join(stack.folder, "one.ndjson");
    expect((await stack.run(["export", "--application", application!.token, "--output", target])).code).to.equal(0);
    expect(withoutIds(await readFile(target, "utf8"))).to.deep.equal(
      sorted(text).filter((line) => line.startsWith('{"application":"round application 0"')),
    );
  });

  it("exports replies by their positions, so that they can be imported although messages were deleted", async () => {
    const messages = [
      "gone",
      "kept",
      { body: "to the deleted one", reply_to: 1 },
      { body: "to the kept one", reply_to: 2 },
    ];
    const line = { application: "replies", chat: "c", messages };
    await stack.json("import", await written("replies.ndjson", ndjson([line])));
    const [{ token } = { token: "" }] = (
      await stack.json<{ name: string; token: string }[]>("app", "list", "--all")
    ).filter(({ name }) => name === "replies");
    await stack.json("message", "delete", token, "1", "1");
    const [text = ""] = await exported("replies");
    expect((JSON.parse(text) as typeof line).messages).to.deep.equal([
      "kept",
      "to the deleted one",
      { body: "to the kept one", reply_to: 1 },
    ]);
    const copied = await written("copied-replies.ndjson", `${text.replace("replies", "copied replies")}\n`);
    expect(await stack.json<object>("import", copied)).to.include({ sent: 3, missing: 0 });
  });

  it("keeps exported applications apart that have the same name", async () => {
    const created: string[] = [];
    for (const chat of ["of the first", "of the second"]) {
      const { token } = await stack.json<{ token: string }>("app", "create", "twin");
      await stack.json("chat", "create", token, "--name", chat);
      await stack.json("chat", "create", token, "--name", `also ${chat}`);
      created.push(token);
    }
    const file = await written("twins.ndjson", (await exportedWithIds("twin")).join("\n"));

    expect(await stack.json<object>("import", file)).to.include({ applications: 2, chats: 4, missing: 0 });
    await rm(`${file}.import-state.json`);
    expect(await stack.json<object>("import", file)).to.include({ applications: 2, missing: 0 });

    const imported = (await stack.json<{ name: string; token: string }[]>("app", "list", "--all")).filter(
      ({ name, token }) => name === "twin" && !created.includes(token),
    );
    const chats = [];
    for (const { token } of imported) {
      const list = await stack.json<{ name: string }[]>("chat", "list", token);
      chats.push(list.map(({ name }) => name).sort());
    }
    expect(chats).to.have.deep.members([
      ["also of the first", "of the first"],
      ["also of the second", "of the second"],
    ]);
  });

  it("imports what it exported with times, also where the times of a chat do not ascend", async () => {
    const { token } = await stack.json<{ token: string }>("app", "create", "clocks");
    await stack.json("chat", "create", token);
    for (const year of [2021, 2020, 2022]) {
      const created_at = `${year}-01-01T00:00:00.000Z`;
      const item = { application_token: token, chat_number: 1, body: `of ${year}`, created_at };
      const response = await fetch(`${stack.gateway.url}/messages/batch`, {
        method: "POST",
        headers: { Authorization: `Bearer ${stack.env.ADMIN_API_KEY}`, "Content-Type": "application/json" },
        body: JSON.stringify({ messages: [item] }),
      });
      expect(response.status).to.equal(200);
    }
    const target = join(stack.folder, "clocks.ndjson");

    const { code, stderr } = await stack.run(["export", "--application", token, "--times", "--output", target]);

    expect(code, stderr).to.equal(0);
    expect(stderr).to.include("1 message was earlier than the one before and was given its time");
    const { messages } = JSON.parse(await readFile(target, "utf8")) as { messages: { created_at: string }[] };
    expect(messages.map(({ created_at }) => created_at.slice(0, 4))).to.deep.equal(["2021", "2021", "2022"]);
    expect(await stack.json<object>("import", target)).to.include({ sent: 3, missing: 0 });
  });

  it("sends nothing when it is run again, and everything once more with --copy", async () => {
    const text = ndjson(named("again", 8));
    const file = await written("again.ndjson", text);
    await stack.json("import", file);

    expect(await stack.json<object>("import", file)).to.include({ sent: 0, missing: 0 });
    await rm(`${file}.import-state.json`);
    expect(await stack.json<object>("import", file)).to.include({ missing: 0 });
    expect(await exported("again")).to.deep.equal(sorted(text));

    await stack.json("import", file, "--copy", "second");
    expect(await exported("again")).to.deep.equal(sorted(text + text));
  });

  it("continues after it was killed, with and without its state, without a lost, repeated or misplaced message", async () => {
    const text = ndjson(named("killed", 120));
    const file = await written("killed.ndjson", text);
    for (const keepState of [true, false]) {
      const { child, ended } = startCommand(["import", file, "--concurrency", "2"], stack.env);
      let batches = 0;
      stack.gateway.beforeBatch(async (): Promise<BatchFate> => {
        batches += 1;
        if (batches === 4) child.kill("SIGKILL");
        // Slow answers, so that it is killed in the middle.
        await sleep(20);
        return "pass on";
      });
      expect((await ended).code).to.equal(null);
      if (!keepState) await rm(`${file}.import-state.json`);
    }
    stack.gateway.beforeBatch(() => "pass on");

    expect(await stack.json<object>("import", file)).to.include({ missing: 0 });
    expect(await exported("killed")).to.deep.equal(sorted(text));
  });

  it("keeps original times, by which messages are listed, searched and exported, and repeats nothing", async () => {
    const times = ["2021-05-01T08:00:00.000Z", "2021-05-01T08:00:00.000Z", "2023-12-31T23:59:59.999Z"];
    const messages = times.map((created_at, at) => ({ body: `bread ${at + 1}`, sender: "anna", created_at }));
    const lines = [
      { application: "times", chat: "old", messages },
      { application: "times", chat: "older", messages: [{ body: "bread", created_at: "2020-01-01T01:00:00+01:00" }] },
    ];
    const file = await written("times.ndjson", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    for (let run = 0; run < 3; run++) {
      expect(await stack.json<object>("import", file)).to.include({ missing: 0 });
      await rm(`${file}.import-state.json`);
    }
    const [{ token } = { token: "" }, ...others] = (
      await stack.json<{ name: string; token: string }[]>("app", "list", "--all")
    ).filter(({ name }) => name === "times");
    expect(others).to.deep.equal([]);
    const list = await fetch(`${stack.gateway.url}/applications/${token}/chats/1/messages`);
    const shown = (await list.json()) as { created_at: string }[];
    expect(shown.map(({ created_at }) => created_at)).to.deep.equal(times);
    await eventually(async () => {
      const chats = await stack.json<{ number: number; last_message_at: string | null }[]>("chat", "list", token);
      expect(chats.map(({ last_message_at }) => last_message_at)).to.deep.equal([times[2], "2020-01-01T00:00:00.000Z"]);
      const found = async (...filter: string[]) =>
        (
          await stack.json<{ chat_number: number; number: number }[]>(
            "search",
            token,
            "bread",
            "--all-chats",
            ...filter,
          )
        ).map(({ chat_number, number }) => `${chat_number}/${number}`);
      expect(await found()).to.deep.equal(["1/3", "1/2", "1/1", "2/1"]);
      expect(await found("--to", "2021-05-01T08:00:00Z")).to.deep.equal(["2/1"]);
      expect(await found("--from", "2021-05-01T08:00:00Z", "--to", "2022-01-01T00:00:00Z")).to.deep.equal([
        "1/2",
        "1/1",
      ]);
    });
    const preview = await stack.json<{ messages: number }>("retention", "preview", token, "--days", "365");
    expect(preview.messages, "a limit of age counts from the original time").to.equal(4);
    const { stdout } = await stack.run(["export", "--application", token, "--times"]);
    expect((JSON.parse(stdout.split("\n")[0]!) as { messages: object[] }).messages).to.deep.equal(messages);
  });

  it("refuses times that go back or lie in the future", async () => {
    const times = [
      "2024-01-02T00:00:00Z",
      "2024-01-01T00:00:00Z",
      undefined,
      "2024-01-03T00:00:00Z",
      "2100-01-01T00:00:00Z",
    ];
    const messages = times.map((created_at) => ({ body: "hello", created_at }));
    const file = await written(
      "disorder.ndjson",
      `${JSON.stringify({ application: "disorder", chat: null, messages })}\n`,
    );
    const { code, stderr } = await stack.run(["import", file]);
    expect(code).to.equal(2);
    expect(stderr).to.include("/messages/4/created_at must not be in the future");
    const sorted = await written(
      "disorder.ndjson",
      `${JSON.stringify({ application: "disorder", chat: null, messages: messages.slice(0, 4) })}\n`,
    );
    const faults = (await stack.run(["import", sorted])).stderr;
    for (const at of [1, 3]) expect(faults).to.include(`/messages/${at}/created_at must not be earlier`);
    expect(await exported("disorder")).to.deep.equal([]);
  });

  it("names the line of every time that it cannot read", async () => {
    const times = ["2020-01-01 00:00:00", "2020-01-01", "oops", "", 5, true, {}, []];
    const first = { body: "first", created_at: "2020-01-01T00:00:00Z" };
    const lines = times.map((created_at) => ({
      application: "unreadable",
      chat: null,
      messages: [first, { body: "hello", created_at }, first, "now"],
    }));
    const file = await written("unreadable.ndjson", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const { code, stderr } = await stack.run(["import", file]);
    expect(code, stderr).to.equal(2);
    expect(stderr).to.include(`has ${times.length} invalid lines`);
    for (const at of times.keys()) {
      expect(stderr).to.include(`line ${at + 1}: /messages/1/created_at must be a time such as`);
    }
  });

  it("refuses a reply to no earlier message of its line, before anything is sent", async () => {
    const lines = [1, 2, 7, 0, "1"].map((reply_to) => ({
      application: "astray",
      chat: null,
      messages: ["first", { body: "reply", reply_to }],
    }));
    const file = await written("astray.ndjson", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const { code, stderr } = await stack.run(["import", file]);
    expect(code, stderr).to.equal(2);
    expect(stderr).to.include("has 4 invalid lines");
    for (const line of [2, 3]) {
      expect(stderr).to.include(`line ${line}: /messages/1/reply_to must be the position of an earlier message`);
    }
    expect(await exported("astray")).to.deep.equal([]);
  });

  it("does not begin again when the file was changed after a part of it was sent", async () => {
    const [first, second] = named("changed", 2).map((line) => JSON.stringify(line));
    const file = await written("changed.ndjson", `${first!}\n`);
    await stack.json("import", file);
    await writeFile(file, `${first!}\n${second!}\n`);
    expect(await stack.json<object>("import", file), "a complete import is over").to.include({ missing: 0 });

    const stateFile = `${file}.import-state.json`;
    const state = JSON.parse(await readFile(stateFile, "utf8")) as object;
    await writeFile(stateFile, JSON.stringify({ ...state, finished: false }));
    await writeFile(file, `${second!}\n${first!}\n`);
    const before = await exported("changed");
    const { code, stderr } = await stack.run(["import", file]);
    expect(code).to.equal(2);
    expect(stderr).to.include("belongs to an import of another version of this file").and.include("--restart");
    expect(await exported("changed")).to.deep.equal(before);
    expect(await stack.json<object>("import", file, "--restart")).to.include({ missing: 0 });
  });

  it("says in one sentence that the target of an export cannot be written", async () => {
    const lines = Array.from({ length: 3 }, () => ({ application: "big", chat: null, messages: ["x".repeat(2_000)] }));
    await stack.json("import", await written("big.ndjson", ndjson(lines)));
    // Files of this shell end after 1 KiB, like on a full disk.
    const exporting = async (rest: string) => {
      const command = `trap '' XFSZ; ulimit -f 1; exec '${process.execPath}' --conditions=@confab/source '${main}' export ${rest}`;
      const child = spawn("bash", ["-c", command], { env: { ...process.env, ...stack.env } });
      const [stderr, [code]] = await Promise.all([streamText(child.stderr), once(child, "exit") as Promise<[number]>]);
      return { code, stderr };
    };
    const full = join(stack.folder, "full.ndjson");
    for (const target of [join(stack.folder, "missing/x"), stack.folder, full]) {
      const { code, stderr } = await exporting(`--output '${target}'`);
      expect(stderr).to.match(/^\S+ cannot be written \(E\w+\)\. Choose another file with --output\.\n$/);
      expect(code).to.equal(2);
    }
    expect(await exporting(`>'${full}'`)).to.deep.equal({
      code: 1,
      stderr: "Standard output cannot be written (EFBIG).\n",
    });
  });

  it("refuses fields that it would leave out, such as ids, before anything is sent", async () => {
    const line = {
      application: "strict",
      chat: "one",
      messages: [{ body: "hello", id: "7" }],
    };
    const file = await written("strict.ndjson", `${JSON.stringify(line)}\n${JSON.stringify({ ...line, tags: [] })}\n`);
    const { code, stderr } = await stack.run(["import", file]);
    expect(code).to.equal(2);
    expect(stderr).to.include("Nothing was sent");
    expect(stderr).to.include("line 1: /messages/0/id is not imported: put it into metadata");
    expect(stderr).to.include("/tags is not imported");
    expect(await exported("strict")).to.deep.equal([]);
  });

  it("starts again if the applications of its state no longer exist", async () => {
    const file = await written("gone.ndjson", ndjson(named("gone", 4)));
    await stack.json("import", file);
    const stateFile = `${file}.import-state.json`;
    const state = JSON.parse(await readFile(stateFile, "utf8")) as { applications: [string, string][] };
    state.applications = state.applications.map(([name]) => [name, "00000000-0000-4000-8000-000000000000"]);
    await writeFile(stateFile, JSON.stringify(state));

    const { code, stderr } = await stack.run(["import", file]);

    expect(code).to.equal(0);
    expect(stderr).to.include("no longer exist. Starting the import from the beginning.");
  });

  it("lists every invalid line before it sends anything", async () => {
    const good = JSON.stringify({ application: "bad", chat: "c", messages: ["m"] });
    const lines = [
      good,
      "{",
      '{"application":"","chat":"c","messages":[]}',
      '{"application":"bad","chat":"c","messages":["ok"," "]}',
    ];
    const file = await written(
      "bad.ndjson",
      Buffer.concat([Buffer.from(`${lines.join("\n")}\n\n`), Buffer.from([0xff, 0x0a])]),
    );

    const { code, stderr } = await stack.run(["import", file]);

    expect(code).to.equal(2);
    expect(stderr).to.match(/has 4 invalid lines\. Nothing was sent\./);
    expect(stderr).to.match(/line 2: is not JSON/);
    expect(stderr).to.match(/line 3: \/application must not be empty/);
    expect(stderr).to.match(/line 4: \/messages\/1\/body must not be empty or only white space/);
    expect(stderr).to.match(/line 6: is not valid UTF-8/);
    expect(await exported("bad")).to.deep.equal([]);
    expect((await stack.run(["import", join(stack.folder, "missing.ndjson")])).code).to.equal(2);
  });

  it("gives up with exit code 4 when nothing succeeds for too long", async () => {
    const file = await written("unreachable.ndjson", ndjson(named("unreachable", 4)));
    const { code, stderr } = await stack.run(["import", file, "--give-up-after", "0.5"], {
      CONFAB_URL: `http://127.0.0.1:${await freePort()}`,
    });
    expect(code).to.equal(4);
    expect(stderr).to.include("Run the same command again");
  });

  it("waits during an outage and sends nothing twice", async () => {
    const text = ndjson(named("outage", 60));
    const file = await written("outage.ndjson", text);
    // Every other answer is lost: the batch was accepted, which the importer cannot know.
    let batches = 0;
    stack.gateway.beforeBatch(() => (batches++ % 2 === 0 ? "lose the answer" : "pass on"));

    const result = await stack.json<{ retries: number; missing: number }>("import", file);

    expect(result.missing).to.equal(0);
    expect(result.retries).to.be.greaterThan(0);
    expect(await exported("outage")).to.deep.equal(sorted(text));
  });

  it("numbers the chats of an application in the order of the file, with parallel requests and after it was killed", async () => {
    const list = named("order", 90);
    const file = await written("order.ndjson", ndjson(list));
    let creations = 0;
    const command = startCommand(["import", file, "--concurrency", "8"], stack.env);
    stack.gateway.beforeChat(async () => {
      creations += 1;
      if (creations === 45) command.child.kill("SIGKILL");
      // Requests that are sent together arrive in another order.
      await sleep((creations * 7) % 20);
    });
    expect((await command.ended).code).to.equal(null);
    expect(await stack.json<object>("import", file, "--concurrency", "8")).to.include({ missing: 0 });

    for (const { name, token } of await stack.json<{ name: string; token: string }[]>("app", "list", "--all")) {
      if (!name.startsWith("order")) continue;
      const chats = await stack.json<{ name: string | null }[]>("chat", "list", token, "--all");
      const inFile = list.filter(({ application }) => application === name).map(({ chat }) => chat);
      expect(chats.map((chat) => chat.name)).to.deep.equal(inFile);
    }
    expect(creations).to.be.above(90);
  });

  it("reads standard input", async () => {
    const text = ndjson(named("piped", 12));
    const { code, stdout, stderr } = await stack.run(["import", "-"], {}, text);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^4 applications, 12 chats, \d+ messages: all imported\n/);
    expect(await exported("piped")).to.deep.equal(sorted(text));
    expect((await stack.run(["import", "-"], {}, "{")).stderr).to.match(/^standard input has 1 invalid line\./);
  });

  it("leaves the terminal usable after Ctrl-C, says how to continue, and continues", async () => {
    const text = ndjson(named("interrupted", 60));
    const file = await written("interrupted.ndjson", text);
    const terminal = startInTerminal(["import", file, "--concurrency", "1"], stack.env);
    stack.gateway.beforeBatch(async (): Promise<BatchFate> => {
      await eventually(() => {
        expect(terminal.screen()).to.include(hideCursor);
      });
      terminal.press("\u0003");
      await sleep(100);
      return "pass on";
    });
    const { code, stdout } = await terminal.ended;
    expect(code).to.equal(130);
    expect(stdout.lastIndexOf(showCursor)).to.be.above(stdout.lastIndexOf(hideCursor));
    expect(stdout.lastIndexOf(lineWrapOn)).to.be.above(stdout.lastIndexOf(lineWrapOff));
    expect(stdout).to.match(/\nInterrupted\. Run the same command again to continue\.\r\n$/);

    stack.gateway.beforeBatch(() => "pass on");
    expect(await stack.json<object>("import", file)).to.include({ missing: 0 });
    expect(await exported("interrupted")).to.deep.equal(sorted(text));
  });
});
