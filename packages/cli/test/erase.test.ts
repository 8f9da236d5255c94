import { randomBytes } from "node:crypto";
import { createChats } from "@confab/database";
import { whenReady } from "@confab/redis";
import { createElasticsearchIndex } from "@confab/search";
import { eventually, hasElasticsearch, testStores } from "@confab/testkit";
import { connectScripts } from "@confab/testkit/world";
import { expect } from "chai";
import type { Certificate } from "../src/erase/erase.ts";
import { useStack } from "./stack.ts";

describe("confabctl erase", function () {
  this.timeout(120_000);
  const stack = useStack(() => ({
    ERASURE_SETTLE_TIME: "300ms",
    // Otherwise the worker may remove what a test plants before it is found.
    INDEX_RECONCILE_INTERVAL: "1h",
    REDIS_URL: testStores().redisUrl,
  }));
  let token: string;
  beforeEach(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Erased"));
  });

  async function chatWith(...bodies: string[]): Promise<{ number: number; id: bigint }> {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    for (const body of bodies) await stack.json("send", token, String(number), body);
    await eventually(async () => {
      expect(await stack.json<unknown[]>("search", token, String(number), bodies[0]!)).to.have.length(1);
    });
    const { id } = (await createChats(stack.database).locate(token, number))!;
    return { number, id };
  }
  const counts = ({ evidence }: Certificate, when: "before" | "after"): Record<string, number | undefined> =>
    Object.fromEntries(evidence.map((found) => [`${found.store}: ${found.what}`, found[when]]));

  it("erases an application, and shows what every store had of it and has now", async () => {
    const { number } = await chatWith("first words", "second words");
    await stack.json("message", "edit", token, String(number), "1", "edited words");
    await stack.json("keys", "create", token, "reader", "--scopes", "read");
    const certificate = await stack.json<Certificate>("erase", token, "--yes", "--verify");
    expect(certificate).to.include({ application_token: token, chat_number: null, left: 0 });
    const before = counts(certificate, "before");
    expect(before).to.include({ "mysql: application": 1, "mysql: chats": 1, "mysql: messages": 2 });
    expect(before).to.include({ "mysql: message versions": 1, "mysql: keys": 1 });
    expect(before).to.include({ "redis: chat heads": 1 });
    if (hasElasticsearch()) expect(before).to.include({ "elasticsearch: documents of the application": 2 });
    expect(Object.values(counts(certificate, "after")).every((count) => count === 0)).to.equal(true);
    for (const { query } of certificate.evidence)
      expect(query).to.match(/^(SELECT COUNT|SCAN 0 MATCH|GET \S+\/_count)/);
    expect(certificate.remains_by_design.join()).to.include("binary log").and.include("append-only file");
  });

  it("erases one chat and leaves the others", async () => {
    const chats = [await chatWith("gone words"), await chatWith("kept words")];
    const { code, stdout, stderr } = await stack.run(["erase", token, "--yes", "--chat", "1", "--verify"]);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/mysql +messages +1 +0 +SELECT COUNT/);
    expect(stdout).to.include("Nothing is left, except by design:");
    expect(await stack.json<unknown[]>("search", token, String(chats[1]!.number), "words")).to.have.length(1);
    const again = await stack.run(["erase", token, "--yes", "--chat", "1", "--verify"]);
    expect(again.code).to.equal(0);
    expect(again.stderr).to.include("Chat 1 was already deleted.");
    const unknown = await stack.run(["erase", token, "--yes", "--chat", "9"]);
    expect([unknown.code, unknown.stderr]).to.deep.equal([3, "Chat 9 does not exist, and was not deleted either.\n"]);
  });

  it("erases what a sender wrote, and proves that nobody is named", async () => {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    await stack.json("send", token, String(number), "hello words", "--sender", "anna");
    await stack.json("send", token, String(number), "other words", "--sender", "bert");
    await stack.json("reads", "set", token, String(number), "anna", "1");
    await eventually(async () => {
      expect(await stack.json<unknown[]>("search", token, String(number), "words")).to.have.length(2);
    });
    const certificate = await stack.json<Certificate>("erase", token, "--yes", "--sender", "anna", "--verify");
    expect(certificate).to.include({ sender: "anna", left: 0 });
    expect(counts(certificate, "before")).to.include({ "mysql: messages": 1, "mysql: reads": 1 });
    expect(await stack.json<unknown[]>("search", token, String(number), "words")).to.have.length(1);
    const both = await stack.run(["erase", token, "--yes", "--sender", "anna", "--chat", "1"]);
    expect(both.code).to.equal(2);
  });

  it("counts the text of damaged letters that may be the sender's", async () => {
    const { number } = await stack.json<{ number: number }>("chat", "create", token);
    const { id } = (await createChats(stack.database).locate(token, number))!;
    const letter = (name: string, epoch: number | null, place: { token: string; chatId: bigint | null }) => {
      const at = new Date();
      return {
        ...place,
        chatNumber: number,
        number: 1,
        uid: randomBytes(16),
        body: Buffer.from(name),
        epoch,
        reason: "Redis returned a damaged message: its checksum does not match",
        acceptedAt: at,
        createdAt: at,
      };
    };
    await stack.database.prisma.deadLetter.createMany({
      data: [letter("its own", null, { token, chatId: id }), letter("nobody's", null, { token: "", chatId: null })],
    });
    const erase = (): Promise<Certificate> =>
      stack.json<Certificate>("erase", token, "--yes", "--sender", "anna", "--verify");
    const certificate = await erase();
    expect(certificate).to.include({ left: 0 });
    const damaged = { "mysql: damaged letters": 1, "mysql: damaged letters of no chat": 1 };
    expect(counts(certificate, "before")).to.include(damaged);
    await stack.database.prisma.deadLetter.create({ data: letter("later", 2_000_000_000_000, { token, chatId: id }) });
    const dry = await stack.json<{ found: { what: string; count: number }[] }>(
      "erase",
      token,
      "--sender",
      "anna",
      "--dry-run",
    );
    expect(dry.found.find(({ what }) => what === "damaged letters")).to.include({ count: 0 });
    await stack.database.prisma.deadLetter.deleteMany();
  });

  it("deletes through the API, and finds what was left out afterwards, in whatever store", async () => {
    const { number, id } = await chatWith("planted words");
    expect((await stack.run(["chat", "delete", token, String(number), "--yes"])).stdout).to.equal(
      `chat ${number} deleted\n`,
    );
    const verify = (): Promise<{ code: number | null; stdout: string }> =>
      stack.run(["erase", token, "--yes", "--chat", String(number), "--verify", "--json"]);
    expect((await verify()).code).to.equal(0);

    const redis = connectScripts(testStores().redisUrl);
    await whenReady(redis, 5_000);
    await stack.database.prisma.read.create({
      data: { chatId: id, reader: Buffer.from("r"), number: 1, updatedAt: new Date() },
    });
    const head = `${stack.env.REDIS_KEY_PREFIX}:{p0}:head:${token}:${number}`;
    await redis.set(head, "left");
    const { code, stdout } = await verify();
    expect(code).to.equal(5);
    expect(counts(JSON.parse(stdout) as Certificate, "after")).to.include({
      "mysql: reads": 1,
      "redis: chat heads": 1,
    });
    await stack.database.prisma.read.deleteMany({ where: { chatId: id } });
    await redis.del(head);
    redis.disconnect();
    expect((await verify()).code).to.equal(0);

    if (!hasElasticsearch()) return;
    const index = createElasticsearchIndex({ url: testStores().elasticsearchUrl, name: stack.index });
    const at = new Date();
    await index.index([
      {
        chatId: id,
        applicationId: 1n,
        chatNumber: number,
        number: 9,
        uid: Buffer.alloc(16),
        version: 1,
        changeNumber: null,
        body: "left",
        createdAt: at,
        updatedAt: at,
        deletedAt: null,
      },
    ]);
    await index.close();
    const found = await verify();
    expect(found.code).to.equal(5);
    expect(counts(JSON.parse(found.stdout) as Certificate, "after")).to.include({
      "elasticsearch: documents of the chats": 1,
    });
  });

  it("says what to check if the workers do not finish in time", async () => {
    await chatWith("slow words");
    const { code, stderr } = await stack.run(["erase", token, "--yes", "--wait", "1ms"]);
    expect(code).to.equal(4);
    expect(stderr).to.include("The application is deleted.").and.include("Check that a worker is running");
    expect(stderr).to.match(/No worker has begun yet\.|Workers are erasing it\. A worker looks a second time later/);
    expect((await stack.run(["app", "show", token])).code).to.equal(3);
  });
});
