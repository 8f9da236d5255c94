import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { text as streamText } from "node:stream/consumers";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { named, ndjson, sorted } from "./conversations.ts";
import { useImports, withoutIds } from "./import-files.ts";
import { main } from "./stack.ts";

describe("confabctl import and export", function () {
  this.timeout(120_000);
  const { stack, written, applicationsNamed, exportedWithIds, exported } = useImports();

  it("imports 200 conversations completely and in order, and exports them unchanged", async () => {
    const text = ndjson(named("round", 200));
    const file = await written("round.ndjson", text);

    const result = await stack.json<Record<string, unknown>>("import", file);

    const messages = named("round", 200).reduce((total, conversation) => total + conversation.messages.length, 0);
    expect(result).to.include({ applications: 4, chats: 200, messages, sent: messages, missing: 0 });
    expect(await exported("round")).to.deep.equal(sorted(text));
    const [application] = await applicationsNamed("round application 0");
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
    const [{ token } = { token: "" }] = await applicationsNamed("replies");
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

    const imported = (await applicationsNamed("twin")).filter(({ token }) => !created.includes(token));
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

  it("keeps original times, by which messages are listed, searched and exported, and repeats nothing", async () => {
    const times = ["2021-05-01T08:00:00.000Z", "2021-05-01T08:00:00.000Z", "2023-12-31T23:59:59.999Z"];
    const messages = times.map((created_at, at) => ({ body: `bread ${at + 1}`, sender: "anna", created_at }));
    const lines = [
      { application: "times", chat: "old", messages },
      { application: "times", chat: "older", messages: [{ body: "bread", created_at: "2020-01-01T01:00:00+01:00" }] },
    ];
    const file = await written("times.ndjson", ndjson(lines));
    for (let run = 0; run < 3; run++) {
      expect(await stack.json<object>("import", file)).to.include({ missing: 0 });
      await rm(`${file}.import-state.json`);
    }
    const [{ token } = { token: "" }, ...others] = await applicationsNamed("times");
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

  it("reads standard input", async () => {
    const text = ndjson(named("piped", 12));
    const { code, stdout, stderr } = await stack.run(["import", "-"], {}, text);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^4 applications, 12 chats, \d+ messages: all imported\n/);
    expect(await exported("piped")).to.deep.equal(sorted(text));
    expect((await stack.run(["import", "-"], {}, "{")).stderr).to.match(/^standard input has 1 invalid line\./);
  });
});
