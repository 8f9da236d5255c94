import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createDeadLetters } from "@confab/database";
import { eventually, startService, uniquePrefix, type ServiceHandle } from "@confab/testkit";
import { jsonOf, openDatabase, sendRequest } from "@confab/testkit/world";
import { expect } from "chai";
import { copyWithField } from "./copy-with-field.ts";

type ServiceName = Parameters<typeof startService>[0];

interface Shown {
  number: number;
  body: string | null;
  reaction?: string | null;
}

describe("a rolling upgrade to a version whose messages have a field more, and back", function () {
  this.timeout(300_000);

  it("stores every message with its field, shows each one at any time, and erases what an older version does not know", async () => {
    const root = await copyWithField();
    const { url, database, newChat, close } = await openDatabase();
    const { migrate } = (await import(join(root, "packages/database/src/index.ts"))) as {
      migrate: (url: string) => Promise<unknown>;
    };
    await migrate(url);
    const { token, id: chatId } = await newChat();
    const path = `/applications/${token}/chats/1/messages`;
    const name = uniquePrefix("newer");
    const env = {
      DATABASE_URL: url,
      REDIS_KEY_PREFIX: name,
      SEARCH_INDEX: name,
      SWEEP_INTERVAL: "200ms",
      BATCH_OVERDUE_AFTER: "500ms",
      ERASURE_SETTLE_TIME: "500ms",
    };
    const running = new Map<ServiceName, ServiceHandle>();
    const replace = async (service: ServiceName, version: "old" | "new"): Promise<void> => {
      const before = running.get(service);
      running.set(service, await startService(service, env, version === "new" ? { root } : {}));
      await before?.stop();
    };
    const bodies: string[] = [];
    const send = async (body: string, fields: { reaction?: string; sender?: string } = {}): Promise<void> => {
      const message = { application_token: token, chat_number: 1, body, ...fields };
      const answer = await sendRequest("POST", `${running.get("ingest")!.url}/messages`, message);
      bodies.push(body);
      expect(jsonOf(answer, 201)).to.include({ number: bodies.length, body });
    };
    const ask = (method: string, at: string, body?: unknown) => sendRequest(method, running.get("api")!.url + at, body);
    const list = async () => jsonOf(await ask("GET", path)) as Shown[];
    const rows = (): Promise<{ number: number; body: string; reaction: string | null }[]> =>
      database.prisma.$queryRaw`SELECT number, body, reaction FROM messages WHERE chat_id = ${chatId} ORDER BY number`;
    const storedAre = (...numbers: number[]) =>
      eventually(async () => expect((await rows()).map(({ number }) => number)).to.deep.equal(numbers), {
        timeoutMs: 20_000,
      });

    try {
      for (const service of ["ingest", "worker", "api"] as const) await replace(service, "old");
      await send("of the old version");
      await replace("ingest", "new");
      await send("with a field", { reaction: "smile", sender: "anna" });
      await send("to be erased", { reaction: "secret", sender: "ben" });
      await send("without a field");
      await storedAre(1, 4);
      expect(
        (await list()).map(({ body }) => body),
        "by an old api",
      ).to.deep.equal(bodies);
      expect((await ask("POST", `/applications/${token}/erasures`, { sender: "ben" })).status).to.equal(202);

      await replace("api", "new");
      expect((await list())[1], "by a new api").to.include({ body: "with a field", reaction: "smile" });
      await replace("worker", "new");
      await storedAre(1, 2, 3, 4);
      await eventually(async () => expect((await rows())[2]).to.include({ body: "", reaction: null }), {
        timeoutMs: 20_000,
      });

      await replace("worker", "old");
      await replace("api", "old");
      await send("pending", { reaction: "wave", sender: "anna" });
      await send("stored", { sender: "anna" });
      await replace("ingest", "old");
      await send("of the old version again");
      await storedAre(1, 2, 3, 4, 6, 7);
      const known = bodies.with(2, "");
      expect((await list()).map(({ body }) => body ?? "")).to.deep.equal(known);
      await eventually(async () => {
        const hits = jsonOf(await ask("GET", `${path}/search?q=field`)) as Shown[];
        expect(hits.map(({ number }) => number)).to.have.members([2, 4]);
      });
      expect((await ask("DELETE", `${path}/2`)).status).to.equal(204);
      expect((await rows())[1], "deleted by an old api").to.include({ body: "", reaction: null });

      await replace("worker", "new");
      await replace("api", "new");
      await storedAre(1, 2, 3, 4, 5, 6, 7);
      expect((await list()).map(({ body }) => body ?? "")).to.deep.equal(known.with(1, ""));
      expect((await list()).map(({ reaction }) => reaction)).to.deep.equal(
        known.map((_, at) => (at === 4 ? "wave" : null)),
      );
      expect(await createDeadLetters(database).count()).to.equal(0);
    } finally {
      await Promise.all([...running.values()].map((service) => service.stop()));
      await close();
      await rm(root, { recursive: true });
    }
  });
});
