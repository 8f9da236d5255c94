import { randomBytes, randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Chat, QueryEvent } from "@confab/database";
import { batch, message, openTestDatabase, remember, type TestDatabase } from "./setup.ts";
import { chatCount, key, keyIdAt, messageCount, requests } from "./explain-requests.ts";

/** A row of EXPLAIN. MySQL and MariaDB use the same names for these columns. */
interface Step {
  readonly select_type: string;
  readonly table: string | null;
  readonly type: string | null;
  readonly key: string | null;
  readonly rows: bigint | null;
  readonly Extra: string | null;
}

/**
 * Converts an argument from the query log, which writes 64-bit numbers as decimal strings, times in ISO 8601 and bytes
 * in base64.
 */
function argument(logged: unknown): unknown {
  if (typeof logged !== "string") return logged;
  if (/^\d+$/.test(logged)) return BigInt(logged);
  if (/^\d{4}-\d\d-\d\dT.*Z$/.test(logged)) return new Date(logged);
  return /^[A-Za-z0-9+/]{22}==$/.test(logged) ? Buffer.from(logged, "base64") : logged;
}

describe("the plan of every query", () => {
  let test: TestDatabase;
  let chat: Chat;
  let token: string;
  let events: QueryEvent[] = [];

  before(async function () {
    this.timeout(60_000);
    test = await openTestDatabase({ onQuery: (event) => events.push(event) });
    const { prisma } = test.database;
    const at = new Date();
    const applications = Array.from({ length: 500 }, () => ({
      token: randomUUID(),
      name: "n",
      createdAt: at,
      updatedAt: at,
    }));
    await prisma.application.createMany({ data: applications });
    await prisma.idempotencyKey.createMany({
      data: applications.map(() => ({
        scope: "applications",
        key: randomBytes(16),
        requestHash: randomBytes(32),
        resourceId: 1n,
        createdAt: at,
      })),
    });
    ({ token, ...chat } = await test.newChat());
    await Promise.all(Array.from({ length: chatCount - 1 }, () => test.chats.create({ token, idempotency: key() })));
    const chats = await prisma.chat.findMany({ where: { applicationId: chat.applicationId } });
    for (const each of chats) remember(token, each);
    await test.batchStore.store([
      batch(...Array.from({ length: messageCount }, (_, i) => message(chat.id, i + 1))),
      batch(...chats.filter(({ id }) => id !== chat.id).map(({ id }) => message(id, 1))),
    ]);
    for (let i = 0; i < 10; i += 1) {
      await test.batchStore.store(Array.from({ length: 200 }, (_, n) => batch(message(chats[1 + n]!.id, 2 + i))));
    }
    const tooLong = "x".repeat(65_536);
    await test.batchStore.store([
      batch(...Array.from({ length: 20 }, (_, i) => message(chats[3 + i]!.id, 99, tooLong))),
    ]);
    const numbers = Array.from({ length: messageCount / 3 }, (_, i) => 3 * i + 1);
    await prisma.deletedNumber.createMany({
      data: [
        ...numbers.map((number) => ({ chatId: chat.id, number })),
        ...chats.slice(1).map(({ id }) => ({ chatId: id, number: 1 })),
      ],
    });
    await prisma.$executeRaw`
      INSERT INTO deleted_blocks SELECT chat_id, number DIV 1000, COUNT(*) FROM deleted_numbers
       GROUP BY chat_id, number DIV 1000`;
    await prisma.read.createMany({
      data: chats.flatMap(({ id }) =>
        Array.from({ length: id === chat.id ? 500 : 2 }, (_, i) => ({
          chatId: id,
          reader: Buffer.from(`reader ${i + 6}`),
          number: 1,
          updatedAt: at,
        })),
      ),
    });
    await prisma.apiKey.createMany({
      data: Array.from({ length: 1_000 }, (_, index) => ({
        publicId: keyIdAt(index),
        name: "key",
        hash: randomBytes(32),
        scopes: "read,write",
        createdAt: at,
        applicationId: index < 500 ? chat.applicationId : null,
      })),
    });
    await prisma.messageVersion.createMany({
      data: Array.from({ length: 2_000 }, (_, index) => ({
        chatId: chat.id,
        number: 1 + (index % 200),
        version: 1 + Math.floor(index / 200),
        body: "earlier",
        createdAt: at,
      })),
    });
    await prisma.auditEntry.createMany({
      data: Array.from({ length: 1_000 }, (_, index) => ({
        createdAt: new Date(at.getTime() - 1_000 * index),
        actor: "test",
        act: "key-created",
      })),
    });
    await prisma.erasure.createMany({
      data: Array.from({ length: 1_000 }, (_, index) => ({
        token: randomUUID(),
        applicationId: index,
        sender: Buffer.from("anna"),
        requestedAt: at,
        finishedAt: at,
      })),
    });
    const tables =
      "api_keys, audit_log, deleted_numbers, deleted_blocks, message_versions, removed_histories, `reads`, applications, chats, messages, stored_batches, search_outbox, dead_letters, idempotency_keys, erasures";
    await prisma.$queryRawUnsafe(`ANALYZE TABLE ${tables}`);
  });
  after(() => test.close());

  async function explain({ sql, params }: QueryEvent): Promise<Step[]> {
    const { prisma } = test.database;
    const values = (JSON.parse(params) as unknown[]).map(argument);
    const steps = await prisma.$queryRawUnsafe<Step[]>(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, ...values);
    // Steps without a table are "no matching row in const table", "Impossible WHERE" and the rows of a VALUES list. A
    // list of keys that is passed as JSON is also a table, and is read completely. MySQL also names the table of an
    // INSERT.
    return steps.filter(
      (step) => step.table !== null && step.type !== null && step.table !== "k" && step.select_type !== "INSERT",
    );
  }

  for (const [what, request] of Object.entries(requests)) {
    it(`uses an index when it ${what}`, async () => {
      events = [];
      await request(test, chat, token);
      const made = events.filter(({ sql }) =>
        /^\(?(SELECT|UPDATE|DELETE|INSERT[^()]+\([^()]+\)\s+SELECT)/i.test(sql.trim()),
      );
      expect(made).not.to.be.empty;
      for (const event of made) {
        for (const step of await explain(event)) {
          const said = `${JSON.stringify(step, (_key, v: unknown) => (typeof v === "bigint" ? Number(v) : v))} of ${event.sql}`;
          expect(step.key, said).not.to.equal(null);
          expect(step.type, said).to.be.oneOf(["const", "eq_ref", "ref", "ref_or_null", "range", "index"]);
          // A scan of a whole index is the read of a page at the beginning or end of a list. It must stop at LIMIT.
          if (step.type === "index") expect(event.sql, said).to.match(/ORDER BY[\s\S]*LIMIT/);
          expect(step.Extra ?? "", said).not.to.match(/filesort|temporary/);
        }
      }
    });
  }
});
