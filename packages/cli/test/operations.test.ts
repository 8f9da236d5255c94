import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { expect } from "chai";
import { createChats } from "@confab/database";
import { createTestDatabase, eventually, hasElasticsearch, startProxy } from "@confab/testkit";
import { startCommand, useStack } from "./stack.ts";

describe("confabctl for operators", function () {
  this.timeout(120_000);
  const stack = useStack();
  let token: string;

  before(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Operated"));
  });

  /** Creates a chat with stored messages. */
  async function chatWith(...bodies: string[]): Promise<{ chat: number; id: bigint }> {
    const { number: chat } = await stack.json<{ number: number }>("chat", "create", token);
    for (const body of bodies) await stack.json("send", token, String(chat), body);
    const { id } = (await createChats(stack.database).locate(token, chat))!;
    await eventually(async () => {
      expect(await stack.database.prisma.message.count({ where: { chatId: id } })).to.equal(bodies.length);
    });
    return { chat, id };
  }

  it("migrates an empty database, says what is applied, and does nothing the second time", async () => {
    const database = await createTestDatabase();
    const env = { DATABASE_URL: database.url };
    expect((await stack.run(["migrate", "--status"], env)).stdout).to.match(/^pending {2}\d+_init\n/);
    const first = await stack.run(["migrate"], env);
    expect(first.code).to.equal(0);
    expect(first.stderr).to.match(/^applying \d+_init\napplied {2}\d+_init in \d+ ms\n/);
    expect((await stack.run(["migrate"], env)).stdout).to.equal("nothing to migrate\n");
    const again = await stack.run(["migrate", "--json"], env);
    expect(JSON.parse(again.stdout)).to.deep.equal({ applied: [], active_keys: false });
    expect((await stack.run(["migrate", "--status"], env)).stdout).to.match(/^applied {2}\d+_init\n/);
    await database.drop();
  });

  it("waits for a database that is unavailable, with one note, and for tables that do not exist yet", async () => {
    const database = await createTestDatabase();
    const proxy = await startProxy({ target: database.url });
    await proxy.cut();
    const env = { ...stack.env, DATABASE_URL: proxy.url };
    const status = startCommand(["migrate", "--status", "--wait", "60s"], env);
    const migration = startCommand(["migrate", "--wait", "60s"], env);
    const refused = `waiting for the database: connect ECONNREFUSED 127.0.0.1:${proxy.port}\n`;
    const notes = await firstLines([status, migration]);
    expect(notes).to.deep.equal([refused, refused]);
    await proxy.restore();

    const migrated = await migration.ended;
    expect(migrated.code, migrated.stderr).to.equal(0);
    expect(migrated.stderr.match(/ECONNREFUSED/g)).to.have.length(1);
    const { code, stdout, stderr } = await status.ended;
    expect(code, stderr).to.equal(0);
    expect(stdout).to.equal("no migration is pending\n");
    await proxy.close();
    await database.drop();
  });

  it("stops waiting for an unavailable database after --unless-unavailable, and not for one that lacks tables or refuses the login", async () => {
    const status = ["migrate", "--status", "--wait", "2s", "--unless-unavailable", "1s"];
    const away = await stack.run(status, { DATABASE_URL: "mysql://nobody@127.0.0.1:1/none" });
    expect(away.code, away.stderr).to.equal(0);
    expect(away.stdout).to.include("the database is unavailable");
    const database = await createTestDatabase();
    expect((await stack.run(status, { DATABASE_URL: database.url })).code).to.equal(4);
    const mistyped = new URL(database.url);
    mistyped.username = "nobody";
    mistyped.password = "typo";
    const refused = await stack.run(status, { DATABASE_URL: mistyped.href });
    expect(refused.code, refused.stdout + refused.stderr).to.equal(4);
    expect(refused.stderr).to.include("Access denied");
    await database.drop();
  });

  it("gives up after --wait", async () => {
    const env = { DATABASE_URL: "mysql://nobody@127.0.0.1:1/none" };
    const { code, stderr } = await stack.run(["migrate", "--wait", "1s"], env);
    expect(code).to.equal(4);
    expect(stderr).to.match(/Gave up after 1 s: connect ECONNREFUSED 127\.0\.0\.1:1\n$/);
  });

  it("tests an installation, with ingest at an address of its own", async () => {
    const { code, stdout, stderr } = await stack.run(["verify", "--quick", "--timeout", "60s"], {
      CONFAB_URL: stack.urls.api,
      CONFAB_INGEST_URL: stack.urls.ingest,
    });
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout.trimEnd().split("\n")).to.have.length(8);
    expect(stdout).to.match(/^(ok {6}.+ \(\d+ ms\)\n)+$/);
  });

  it("tests an installation in a given application, without the admin key", async () => {
    const tokens = async () => (await stack.json<{ token: string }[]>("app", "list")).map((listed) => listed.token);
    const before = await tokens();
    const { code, stdout, stderr } = await stack.run(["verify", "--quick", "--application", token], {
      CONFAB_URL: stack.urls.api,
      CONFAB_INGEST_URL: stack.urls.ingest,
      ADMIN_API_KEY: "",
    });
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout.trimEnd().split("\n")).to.have.length(7);
    expect(await tokens()).to.deep.equal(before);
  });

  it("says which step of a quick verification fails and why, and ends in time with exit code 4", async () => {
    const { code, stdout, stderr } = await stack.run(["verify", "--quick", "--timeout", "2s"], {
      CONFAB_INGEST_URL: "http://127.0.0.1:1",
    });
    expect(code).to.equal(4);
    expect(stdout)
      .to.include("ok      create a chat")
      .and.to.match(/FAILED {2}send a message\n$/);
    expect(stderr).to.include("http://127.0.0.1:1");
    const short = await stack.run(["verify", "--quick", "--timeout", "1ms"]);
    expect(short.code).to.equal(4);
    expect(short.stdout).to.equal("FAILED  create an application\n");
    expect(short.stderr).to.include('did not finish within 1 ms. The step "create an application" was not done.');
  });

  it("ends a quick verification in time when Confab accepts connections and does not answer", async () => {
    const proxy = await startProxy({ target: stack.gateway.url });
    proxy.pause();
    const started = performance.now();
    const { code, stderr } = await stack.run(["verify", "--quick", "--timeout", "1s"], { CONFAB_URL: proxy.url });
    const seconds = (performance.now() - started) / 1000;
    await proxy.close();
    expect(code, stderr).to.equal(4);
    expect(seconds).to.be.below(15);
  });

  it("lists, shows, stores again and drops dead letters", async () => {
    const { chat, id: chatId } = await chatWith("stored");
    const plant = async (number: number, body: string) => {
      const dates = { acceptedAt: new Date(), createdAt: new Date() };
      const place = { token, chatNumber: chat, chatId, number };
      const data = { ...place, uid: randomBytes(16), body: Buffer.from(body), reason: "Data too long", ...dates };
      return String((await stack.database.prisma.deadLetter.create({ data })).id);
    };
    const [good, taken] = [await plant(2, "second"), await plant(1, "another first")];

    const list = await stack.json<object[]>("dead-letters", "list");
    expect(list).to.have.length(2);
    expect(list[0]).to.include({
      id: good,
      application_token: token,
      chat_number: chat,
      number: 2,
      reason: "Data too long",
    });
    expect((await stack.run(["dead-letters", "show", good])).stdout).to.match(/^body +second$/m);

    const retried = await stack.run(["dead-letters", "retry", good, taken]);
    expect(retried.code).to.equal(3);
    expect(retried.stdout).to.equal(`${good} stored\n${taken} refused: Another message has number 1\n`);
    expect((await stack.run(["tail", token, String(chat), "--no-follow"])).stdout).to.match(/stored\n2 .* second\n$/);

    expect((await stack.run(["dead-letters", "drop", taken, "--yes"])).stdout).to.equal(`${taken} dropped\n`);
    expect((await stack.run(["dead-letters", "drop", taken, "--yes"])).code).to.equal(3);
    expect(await stack.json("dead-letters", "list")).to.deep.equal([]);
  });

  it("finds counts that are wrong", async () => {
    const { chat, id } = await chatWith("one", "two");
    const clean = await stack.run(["counts", "verify"]);
    expect(clean.stdout).to.match(
      /^All counts are correct: \d+ applications? and \d+ chats? in 127\.0\.0\.1:\d+\/confab_test_\w+\.\n$/,
    );
    await stack.database.prisma.chat.update({ where: { id }, data: { messagesCount: 3 } });

    const { code, stdout, stderr } = await stack.run(["counts", "verify", "--json"]);

    expect(code).to.equal(5);
    const difference = { kind: "messages_count", token, chat, counted: 3, actual: 2 };
    const found = JSON.parse(stdout) as { chats: number; differences: object[] };
    expect(found.differences).to.deep.equal([difference]);
    expect(found.chats).to.equal(await stack.database.prisma.chat.count());
    expect(stderr).to.match(/^Wrong counts: 1, of \d+ applications? and \d+ chats? in /);
    await stack.database.prisma.chat.update({ where: { id }, data: { messagesCount: 2 } });
  });

  it("finds every difference between index and database, and a rebuild fixes them", async () => {
    const { chat, id: chatId } = await chatWith("one", "two", "three");
    if (!hasElasticsearch()) {
      const { code, stderr } = await stack.run(["search", "verify"]);
      expect([code, stderr]).to.deep.equal([
        2,
        "There is no search index with SEARCH_BACKEND=mysql: MySQL itself answers searches. Nothing needs to be done.\n",
      ]);
      return;
    }
    const messages = stack.database.prisma.message;
    expect((await stack.run(["search", "verify"])).code).to.equal(0);
    await messages.delete({ where: { chatId_number: { chatId, number: 1 } } });
    await messages.update({ where: { chatId_number: { chatId, number: 2 } }, data: { body: "changed" } });
    const dates = { createdAt: new Date(), updatedAt: new Date() };
    await messages.create({ data: { chatId, number: 4, uid: randomBytes(16), body: "unseen", ...dates } });

    const { code, stdout } = await stack.run(["search", "verify", "--json"]);

    expect(code).to.equal(5);
    const at = (number: number) => ({ count: 1, first: [{ token, chat, number }] });
    expect(JSON.parse(stdout)).to.deep.include({ extra: at(1), different: at(2), missing: at(4), waiting: 0 });
    const told = await stack.run(["search", "verify"]);
    expect(told.stderr).to.match(
      /^3 differences between 127\.0\.0\.1:\d+\/confab_test_\w+ and its index\. confabctl search reindex/,
    );
    const { copied } = await stack.json<{ copied: number }>("search", "reindex");
    expect(copied).to.be.greaterThan(2);
    expect((await stack.run(["search", "verify"])).code).to.equal(0);
  });

  it("lists all problems of the configuration of every service at once", async () => {
    const env = {
      DATABASE_URL: "postgres://secret-password@x",
      PARTITIONS: "0",
      REDIS_URL: "",
      SWEEP_INTERVAL: "often",
    };

    const { code, stdout, stderr } = await stack.run(["config", "check", "--json"], env);

    expect(code).to.equal(78);
    const found = JSON.parse(stdout) as { service: string; variables: string[]; problems: { name: string }[] }[];
    const names = found.map(({ service, problems }) => [service, ...problems.map(({ name }) => name).sort()]);
    expect(names).to.deep.equal([
      ["ingest", "DATABASE_URL", "PARTITIONS", "REDIS_URL"],
      ["api", "DATABASE_URL", "PARTITIONS", "REDIS_URL"],
      ["worker", "DATABASE_URL", "PARTITIONS", "REDIS_URL", "SWEEP_INTERVAL"],
    ]);
    expect(
      found.filter(({ variables }) => variables.includes("SWEEP_INTERVAL")).map(({ service }) => service),
    ).to.deep.equal(["worker"]);
    expect(stdout + stderr).not.to.include("secret-password");
    const usable = { REDIS_URL: "redis://127.0.0.1", SEARCH_BACKEND: "mysql" };
    expect((await stack.run(["config", "check", "api"], usable)).stdout).to.equal("api: usable\n");
    expect((await stack.run(["config", "check", "nothing"])).code).to.equal(2);
  });

  it("describes every variable in Markdown", async () => {
    const { code, stdout } = await stack.run(["config", "doc"]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^# Configuration\n/);
    expect(stdout).to.match(/^\| `DATABASE_URL` \| ingest, api, worker \| .* \| \*\*required\*\* \|/m);
    expect(stdout).to.match(/^\| `SWEEP_INTERVAL` \| /m);
  });
});

/** Returns the first output of each command on standard error. */
function firstLines(commands: readonly ReturnType<typeof startCommand>[]): Promise<string[]> {
  return Promise.all(
    commands.map(async ({ child }) => {
      const [line] = (await once(child.stderr, "data")) as [Buffer];
      return line.toString();
    }),
  );
}
