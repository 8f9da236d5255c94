import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, freePort } from "@confab/testkit";
import { expect } from "chai";
import type { BatchFate } from "./gateway.ts";
import { named, ndjson, sorted } from "./conversations.ts";
import { useImports } from "./import-files.ts";
import { startCommand } from "./stack.ts";
import { hideCursor, lineWrapOff, lineWrapOn, showCursor, startInTerminal } from "./terminal.ts";

describe("confabctl import with wrong input and after interruptions", function () {
  this.timeout(120_000);
  const { stack, written, exported } = useImports();

  it("continues after it was killed, with and without its state, without a lost, repeated or misplaced message", async () => {
    const text = ndjson(named("killed", 120));
    const file = await written("killed.ndjson", text);
    for (const keepState of [true, false]) {
      const { child, ended } = startCommand(["import", file, "--concurrency", "2"], stack.env);
      let batches = 0;
      stack.gateway.beforeBatch(async (): Promise<BatchFate> => {
        batches += 1;
        if (batches === 4) child.kill("SIGKILL");
        // Slow answers ensure that the import is killed halfway.
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
    const file = await written("unreadable.ndjson", ndjson(lines));
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
    const file = await written("astray.ndjson", ndjson(lines));
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
    // Every other answer is lost, so the importer cannot know that the batch was accepted.
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
      // Requests that are sent together arrive in a different order.
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
