import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { expect } from "chai";
import { eventually, startProxy } from "@confab/testkit";
import { createDatabase, createBatchStore, isRefusal, isUnavailable } from "@confab/database";
import { addToChats } from "../src/chat-totals.ts";
import { directTransaction } from "../src/transaction.ts";
import { batch, message, rejection } from "./setup.ts";
import { useChat } from "./use-chat.ts";

describe("deliveries while connections break", () => {
  const { test, chat, count } = useChat();

  it("closes a session whose transaction takes too long, and does not log its messages", async () => {
    const row = message(chat.id, 1, "a secret");
    await test.database.prisma.$transaction(
      async (tx) => {
        await tx.$executeRaw`UPDATE chats SET name = name WHERE id = ${chat.id}`;
        const error = await rejection(
          directTransaction(test.database, (statements) => addToChats(statements, [row]), { timeoutMs: 200 }),
        );
        expect(isUnavailable(error)).to.equal(true);
      },
      { timeout: 10_000 },
    );
    const refused = await rejection(
      directTransaction(
        test.database,
        (statements) => statements.$executeRawUnsafe("INSERT INTO messages (body) VALUES ('a secret')"),
        { timeoutMs: 10_000 },
      ),
    );
    expect(isRefusal(refused)).to.equal(true);
    expect(inspect(refused, { depth: 9 }))
      .to.include("doesn't have a default value")
      .and.not.include("secret");
    expect(test.database.sessions().used, "both sessions are back").to.equal(0);
  });

  it("settles an unknown outcome when the call is repeated, wherever the connection broke", async () => {
    const proxy = await startProxy({ target: test.url });
    const behind = createDatabase({ url: proxy.url });
    const unlucky = createBatchStore(behind);
    const deliveries = Array.from({ length: 12 }, (_, i) =>
      batch(message(chat.id, 2 * i + 1), message(chat.id, 2 * i + 2)),
    );
    const failures: unknown[] = [];
    for (const delivery of deliveries) {
      await eventually(() => behind.ping());
      const [first] = await Promise.allSettled([
        unlucky.store([delivery]),
        sleep(Math.random() * 8).then(() => proxy.cut()),
      ]);
      await proxy.restore();
      if (first.status === "fulfilled") continue;
      failures.push(first.reason);
      await eventually(() => unlucky.store([delivery]));
    }
    await behind.close();
    await proxy.close();
    expect(failures).not.to.be.empty;
    expect(failures.filter((error) => !isUnavailable(error))).to.deep.equal([]);
    expect(await test.numbersOf(chat.id)).to.deep.equal(Array.from({ length: 24 }, (_, i) => i + 1));
    expect(await count()).to.equal(24);
  });

  it("finds that the batch is stored if only the answer to COMMIT was lost", async () => {
    const delivery = batch(message(chat.id, 1), message(chat.id, 2));
    const silent = await startCommitSwallower(test.url);
    const behind = createDatabase({ url: silent.url });
    const lost = await rejection(createBatchStore(behind).store([delivery]));
    expect(isUnavailable(lost)).to.equal(true);
    await behind.close();
    silent.close();
    expect(await test.numbersOf(chat.id)).to.deep.equal([1, 2]);
    const again = await test.batchStore.store([delivery]);
    expect(again).to.deep.equal({
      stored: 0,
      knownBatches: 1,
      conflicts: [],
      refused: [],
      erased: [],
      locked: [],
      repeated: [],
    });
    expect(await count()).to.equal(2);
  });
});

/** Starts a proxy that forwards COMMIT but closes the connection instead of returning the answer. */
async function startCommitSwallower(target: string): Promise<{ url: string; close(): void }> {
  const url = new URL(target);
  const upstreamPort = Number(url.port);
  const server = createServer((client) => {
    let swallow = false;
    const upstream = connect(upstreamPort, "127.0.0.1");
    upstream.on("data", (bytes) => (swallow ? client.destroy() : client.write(bytes)));
    client.on("data", (bytes: Buffer) => {
      swallow ||= bytes.includes("COMMIT") && !bytes.includes("COMMITTED");
      upstream.write(bytes);
    });
    client.on("error", () => undefined);
    client.on("close", () => upstream.end());
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.href, close: () => server.close() };
}
