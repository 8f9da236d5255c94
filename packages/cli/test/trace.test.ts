import { eventually, hasElasticsearch, testStores } from "@confab/testkit";
import { expect } from "chai";
import { useStack } from "./stack.ts";

interface Located {
  steps: { state: string; at?: string; text: string; request_id?: string; batch?: string }[];
}

describe("confabctl trace", function () {
  this.timeout(120_000);
  const stack = useStack();
  let token: string;

  before(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Traced"));
    await stack.json("chat", "create", token);
  });

  const run = (...args: string[]) => stack.run(["trace", token, ...args], { REDIS_URL: testStores().redisUrl });
  const locate = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout) as Located;
  const statesOf = ({ steps }: Located) => steps.map(({ state }) => state);

  it("follows a message until it is searchable", async () => {
    await stack.json("send", token, "1", "where am I");
    await eventually(async () => {
      const located = await locate("1", "1");
      expect(statesOf(located)).to.deep.equal(["accepted", "stored", "searchable"]);
      expect(located.steps[0]?.batch).to.match(/^[\w-]{22}$/);
      expect(Date.parse(located.steps[1]?.at ?? "")).to.be.at.least(Date.parse(located.steps[0]?.at ?? ""));
    });
    const { stdout } = await run("1", "1");
    expect(stdout.trimEnd().split("\n")).to.have.length(3);
    expect(stdout).to.match(/^accepted +\d{4}-.+Z  It was accepted, in batch /);
  });

  it("accepts the path or URL of a message instead", async () => {
    const path = `/applications/${token}/chats/1/messages/1`;
    for (const given of [path, `https://chat.example.com${path}?x=1`]) {
      const { stdout } = await stack.run(["trace", given, "--json"], { REDIS_URL: testStores().redisUrl });
      expect(JSON.parse(stdout)).to.include({ application_token: token, chat_number: 1, number: 1 });
    }
    const { code, stderr } = await run();
    expect(code).to.equal(2);
    expect(stderr).to.include("missing required argument 'chat'");
  });

  it("shows a message that is pending in Redis", async () => {
    process.kill(stack.workerPid, "SIGSTOP");
    try {
      const { number } = await stack.json<{ number: number }>("send", token, "1", "held up");
      const located = await locate("1", String(number));
      expect(statesOf(located)).to.deep.equal(["accepted", "pending"]);
      expect(located.steps[0]?.request_id).to.match(/^[\w-]{8,}$/);
      expect(located.steps[0]?.text).to.include(`for request ${located.steps[0]?.request_id ?? ""}`);
    } finally {
      process.kill(stack.workerPid, "SIGCONT");
    }
  });

  it("shows a dead letter with its reason, and a message that is not in the index", async () => {
    const { id: chatId } = (await stack.database.prisma.chat.findFirst())!;
    const [uid, now] = [new Uint8Array(16), new Date()];
    await stack.database.prisma.deadLetter.create({
      data: {
        token,
        chatNumber: 1,
        chatId,
        number: 50,
        uid,
        body: uid,
        reason: "too odd",
        requestId: "r-1",
        acceptedAt: now,
        createdAt: now,
      },
    });
    const dead = await locate("1", "50");
    expect(statesOf(dead)).to.deep.equal(["accepted", "dead-lettered"]);
    expect(dead.steps[0]).to.include({ request_id: "r-1" });
    expect(dead.steps[1]?.text).to.include("too odd");

    await stack.database.prisma.message.create({
      data: { chatId, number: 60, uid, body: "unindexed", createdAt: now, updatedAt: now },
    });
    const last = hasElasticsearch() ? "not searchable" : "searchable";
    expect(statesOf(await locate("1", "60"))).to.deep.equal(["accepted", "stored", last]);
  });

  it("ends with exit code 3 if no store has the message", async () => {
    const { code, stdout } = await run("1", "999");
    expect(code).to.equal(3);
    expect(stdout).to.match(/^unknown .+No message with this number/);
    expect((await run("77", "1")).stdout).to.include("no such chat");
  });
});
