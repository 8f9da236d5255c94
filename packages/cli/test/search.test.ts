import { expect } from "chai";
import { eventually } from "@confab/testkit";
import { useStack } from "./stack.ts";

describe("confabctl search", function () {
  this.timeout(120_000);
  const stack = useStack();
  let token: string;

  before(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Searched"));
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

  it("searches all chats with --all-chats, and by time", async () => {
    const own = (await stack.json<{ token: string }>("app", "create", "across")).token;
    for (const chat of ["1", "2"]) {
      await stack.json("chat", "create", own);
      await stack.json("send", own, chat, `Hello ${chat}`);
    }
    await eventually(async () => {
      const hits = await stack.json<{ chat_number: number }[]>("search", "--all-chats", own, "ell");
      expect(hits.map(({ chat_number }) => chat_number)).to.deep.equal([2, 1]);
    });
    expect((await stack.run(["search", "--all-chats", own, "hello"])).stdout).to.match(
      /^2\/1 .* Hello 2\n1\/1 .* Hello 1\n$/,
    );
    expect((await stack.run(["search", "--all-chats", "--token", own, "hello 1"])).stdout).to.match(
      /^1\/1 .* Hello 1\n$/,
    );
    expect(await stack.json("search", own, "1", "hello", "--from", "2100-01-01T00:00:00Z")).to.deep.equal([]);
    expect(await stack.json("search", "--all-chats", own, "hello", "--to", "2100-01-01T00:00:00Z")).to.have.length(2);
    expect((await stack.run(["search", "--all-chats", own])).stderr).to.match(
      /missing required argument|no application/,
    );
  });

  it("searches by relevance, and counts the hits of each chat", async () => {
    const own = (await stack.json<{ token: string }>("app", "create", "relevance")).token;
    for (const [chat, body] of [
      ["1", "Hello ell"],
      ["2", "Hello one"],
      ["2", "Hello two"],
    ] as const) {
      if (body !== "Hello two") await stack.json("chat", "create", own);
      await stack.json("send", own, chat, body);
    }
    await eventually(async () => {
      expect(await stack.json("search", "--all-chats", own, "ell", "--order", "newest")).to.have.length(3);
    });
    expect((await stack.run(["search", "--all-chats", own, "ell", "--order", "relevance"])).stdout).to.match(
      /^1\/1 .*\n2\/2 .*\n2\/1 .*\n$/,
    );
    expect(await stack.json("search", own, "1", "ell", "--order", "relevance", "--all")).to.have.length(1);
    const countHits = ["api", "countHits", "--token", own, "--q"];
    expect((await stack.run([...countHits, "ell"])).stdout).to.match(
      /^CHAT_NUMBER +HITS_COUNT +EXACT\n2 +2 +true\n1 +1 +true\n$/,
    );
    expect(await stack.json(...countHits, "two", "--limit", "1")).to.deep.equal([
      { chat_number: 2, hits_count: 1, exact: true },
    ]);
    expect(await stack.json(...countHits, "ell", "--from", "2100-01-01T00:00:00Z")).to.deep.equal([]);
    expect((await stack.run(["search", own, "1", "ell", "--order", "best"])).stderr).to.match(/newest, relevance/);
  });
});
