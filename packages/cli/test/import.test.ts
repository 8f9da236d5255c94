import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@confab/testkit";
import { expect } from "chai";
import type { BatchFate } from "./gateway.ts";
import { conversations, ndjson, sorted } from "./conversations.ts";
import { startCommand, startStack, type Stack } from "./stack.ts";

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
  });

  async function written(name: string, text: string | Uint8Array): Promise<string> {
    const file = join(stack.folder, name);
    await writeFile(file, text);
    return file;
  }

  /** What `export` gives of the applications whose name begins so. */
  async function exported(prefix: string): Promise<string[]> {
    const { code, stdout } = await stack.run(["export"]);
    expect(code).to.equal(0);
    return sorted(stdout).filter((line) => line.startsWith(`{"application":"${prefix}`));
  }

  const named = (prefix: string, count: number) =>
    conversations(count).map((conversation) => ({
      ...conversation,
      application: `${prefix} ${conversation.application}`,
    }));

  it("brings 200 conversations there whole and in order, and gives them back as they were", async () => {
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
    expect(sorted(await readFile(target, "utf8"))).to.deep.equal(
      sorted(text).filter((line) => line.startsWith('{"application":"round application 0"')),
    );
  });

  it("sends nothing when it is run again, and everything once more as another copy", async () => {
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

  it("goes on after it was killed, twice and once without its state, without a message lost, repeated or out of order", async () => {
    const text = ndjson(named("killed", 120));
    const file = await written("killed.ndjson", text);
    for (const keepState of [true, false]) {
      const { child, ended } = startCommand(["import", file, "--concurrency", "2"], stack.env);
      let batches = 0;
      stack.gateway.beforeBatch(async (): Promise<BatchFate> => {
        batches += 1;
        if (batches === 4) child.kill("SIGKILL");
        // The importer has its answers one by one, so that it is killed in the middle.
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

  it("imports anew when the applications of its state are gone", async () => {
    const file = await written("gone.ndjson", ndjson(named("gone", 4)));
    await stack.json("import", file);
    const stateFile = `${file}.import-state.json`;
    const state = JSON.parse(await readFile(stateFile, "utf8")) as { applications: [string, string][] };
    state.applications = state.applications.map(([name]) => [name, "00000000-0000-4000-8000-000000000000"]);
    await writeFile(stateFile, JSON.stringify(state));

    const { code, stderr } = await stack.run(["import", file]);

    expect(code).to.equal(0);
    expect(stderr).to.include("importing anew");
  });

  it("lists every line that cannot be imported before it sends anything", async () => {
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
    expect(stderr).to.match(/4 lines that cannot be imported; nothing was sent/);
    expect(stderr).to.match(/line 2: is not JSON/);
    expect(stderr).to.match(/line 3: \/application must not be empty/);
    expect(stderr).to.match(/line 4: \/messages\/1 must not be empty or only white space/);
    expect(stderr).to.match(/line 6: is not valid UTF-8/);
    expect(await exported("bad")).to.deep.equal([]);
    expect((await stack.run(["import", join(stack.folder, "missing.ndjson")])).code).to.equal(2);
  });

  it("gives up with exit code 4 when nothing succeeds for too long", async () => {
    const file = await written("patience.ndjson", ndjson(named("patience", 4)));
    const { code, stderr } = await stack.run(["import", file, "--patience", "0.5"], {
      CONFAB_URL: `http://127.0.0.1:${await freePort()}`,
    });
    expect(code).to.equal(4);
    expect(stderr).to.include("Run the same command again");
  });

  it("waits for a server that comes back, and sends nothing twice", async () => {
    const text = ndjson(named("outage", 60));
    const file = await written("outage.ndjson", text);
    // Every other answer is lost on its way: the batch was taken, and the importer cannot know.
    let batches = 0;
    stack.gateway.beforeBatch(() => (batches++ % 2 === 0 ? "lose the answer" : "pass on"));

    const result = await stack.json<{ retries: number; missing: number }>("import", file);

    expect(result.missing).to.equal(0);
    expect(result.retries).to.be.greaterThan(0);
    expect(await exported("outage")).to.deep.equal(sorted(text));
  });
});
