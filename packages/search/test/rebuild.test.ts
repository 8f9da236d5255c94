import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { testStores, useForEach } from "@confab/testkit";
import { rebuild, SearchUnavailable, verify } from "@confab/search";
import { createTestIndex } from "./backends.ts";
import { failure } from "./failure.ts";
import { messageOf, messagesOf, newChat } from "./documents.ts";
import { createMessageTable } from "./message-table.ts";

describe("rebuilding the index", () => {
  const es = useForEach(createTestIndex);
  const behind = async (alias: string) => Object.keys(await es.connection.client.indices.getAlias({ name: alias }));
  const serving = () => behind(es.connection.readAlias);
  const written = () => behind(es.connection.writeAlias);
  const none = { count: 0, first: [] };

  it("misses no message that is added, edited or deleted in the meantime, and no search fails", async () => {
    const table = createMessageTable();
    const chats = Array.from({ length: 5 }, newChat);
    table.commit(
      chats.flatMap((chatId) =>
        messagesOf(
          chatId,
          Array.from({ length: 1000 }, (_, at) => `first ${at}`),
        ),
      ),
    );
    const [known = 0n] = chats;
    await es.index([...table.rows.values()], { refresh: true });
    const [old] = await serving();

    let running = true;
    let writes = 0;
    const write = async (worker: number) => {
      for (let round = 0; running; round++) {
        const chatId = chats[round % chats.length] ?? 0n;
        const current = (number: number) => table.rows.get(`${chatId}-${number}`)?.version ?? 0;
        const [edited, deleted] = [500 + ((round * 7) % 250), 750 + ((round * 13 + worker) % 250)];
        const changed = [
          messageOf(chatId, 10_000 * (worker + 1) + round, `appended ${round}`),
          messageOf(chatId, edited, `edited ${round}`, current(edited) + 1),
          messageOf(chatId, deleted, null, current(deleted) + 1),
        ];
        table.commit(changed);
        // Like in the worker, a message is read for indexing after its commit and may have changed since.
        const rows = changed.flatMap((row) => table.rows.get(`${chatId}-${row.number}`) ?? []);
        expect((await es.index(rows)).rejected).to.deep.equal([]);
        writes += rows.length;
      }
    };
    let searches = 0;
    const search = async () => {
      for (; running; searches++) {
        const { hits } = await es.search({ chatId: known, q: "irst 42", limit: 20 });
        expect(hits.map(({ number }) => number)).to.include(43);
      }
    };
    const clients = Promise.all([write(0), write(1), write(2), search()]);
    const result = await rebuild(es, { scan: () => table.scan() });
    running = false;
    await clients;

    expect(result.rejected).to.deep.equal([]);
    expect(result.copied).to.be.at.least(5000);
    expect(await serving()).to.deep.equal([result.index]);
    expect(await written()).to.deep.equal([result.index]);
    expect(result.index).not.to.equal(old);
    expect(writes).to.be.above(100);
    expect(searches).to.be.above(10);
    const verified = await verify(es, () => table.scan());
    expect(verified).to.deep.include({ missing: none, extra: none, different: none });
    expect(verified.equal).to.equal([...table.rows.values()].filter(({ deletedAt }) => deletedAt === null).length);
  }).timeout(60_000);

  it("keeps the old index serving and leaves nothing behind when it fails", async () => {
    const chatId = newChat();
    await es.index([messageOf(chatId, 1, "served")], { refresh: true });
    const old = await serving();
    const broken = rebuild(es, {
      scan: async function* () {
        yield [messageOf(chatId, 1, "served")];
        await Promise.reject(new Error("the database became unavailable"));
      },
    });
    expect(String(await failure(broken))).to.contain("the database became unavailable");
    expect(await serving()).to.deep.equal(old);
    expect(await written()).to.deep.equal(old);
    expect((await es.search({ chatId, q: "served", limit: 1 })).hits).to.have.lengthOf(1);
  });

  it("removes the index of a killed rebuild, which never served", async () => {
    const table = createMessageTable();
    const chatId = newChat();
    table.commit([messageOf(chatId, 1, "served")]);
    await es.index([...table.rows.values()], { refresh: true });
    const old = await serving();
    const script = fileURLToPath(new URL("stuck-rebuild.ts", import.meta.url));
    const child = spawn(
      process.execPath,
      ["--conditions=@confab/source", script, testStores().elasticsearchUrl, es.connection.readAlias],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await serving()).to.deep.equal(old);
    expect(await written()).to.have.lengthOf(2);
    expect((await verify(es, () => table.scan())).equal).to.equal(1);

    const { index } = await rebuild(es, { scan: () => table.scan() });
    expect(await serving()).to.deep.equal([index]);
    expect(await written()).to.deep.equal([index]);
    expect(await verify(es, () => table.scan())).to.deep.include({ equal: 1, extra: none, missing: none });
  });

  it("fails when another rebuild takes over, and the other index serves", async () => {
    const table = createMessageTable(1);
    table.commit(messagesOf(newChat(), ["one", "two", "three"]));
    let second: Promise<{ index: string }> | undefined;
    const first = rebuild(es, {
      scan: async function* () {
        for await (const page of table.scan()) {
          second ??= rebuild(es, { scan: () => table.scan() });
          await second;
          yield page;
        }
      },
    });
    expect(await failure(first)).to.be.instanceOf(SearchUnavailable);
    expect(await serving()).to.deep.equal([(await second)?.index]);
    expect((await verify(es, () => table.scan())).equal).to.equal(3);
  });

  it("reports its progress, and the documents that the index permanently refuses", async () => {
    const table = createMessageTable(2);
    const chatId = newChat();
    table.commit([...messagesOf(chatId, ["one", "two", "three"]), messageOf(chatId, 2 ** 70, "number out of range")]);
    const progress: number[] = [];
    const { copied, rejected } = await rebuild(es, {
      scan: () => table.scan(),
      onProgress: (rows) => progress.push(rows),
    });
    expect(progress).to.deep.equal([2, 4]);
    expect(copied).to.equal(4);
    expect(rejected.map(({ number }) => number)).to.deep.equal([2 ** 70]);
  });
});
