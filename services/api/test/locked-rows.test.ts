import { expect } from "chai";
import { useEnding, eventually, useForAll } from "@confab/testkit";
import { keyMaker } from "./key-world.ts";
import { startApi, type Api, type Answer } from "./start.ts";
import { openWorld, type Chat } from "./world.ts";

const endAfterTest = useEnding();

type Request = readonly [method: string, path: string, body?: unknown];

describe("changes that wait for a locked row", function () {
  this.timeout(60_000);
  let api: Api;
  let [hot, quiet]: (Chat | undefined)[] = [];
  const world = useForAll(openWorld);

  const application = ({ token }: Chat) => `/applications/${token}`;
  const pathOf = (chat: Chat) => `${application(chat)}/chats/${chat.number}`;

  async function start(env: Record<string, string> = {}) {
    api = endAfterTest(await startApi(world, env));
    [hot, quiet] = [await world.newChat(), await world.newChat()];
    await world.accept(hot, "one", "two", "three");
    await world.accept(quiet, "one");
    await world.store();
  }

  /** Runs work while another transaction holds the rows that the statement locks. */
  async function whileLocked(sql: string, values: unknown[], work: () => Promise<void>): Promise<void> {
    const { session, statements } = await world.database.session();
    await statements.run("START TRANSACTION");
    try {
      await statements.$queryRawUnsafe(sql, ...values);
      await work();
    } finally {
      await statements.run("ROLLBACK");
      await session.release();
    }
  }

  async function gauge(line: RegExp): Promise<number> {
    return Number(line.exec(await api.metrics.registry.metrics())?.[1]);
  }
  const inFlight = () => gauge(/^http_requests_in_flight(?:\{[^}]*\})? (\d+)$/m);
  const sessionsInUse = () => gauge(/^confab_database_pool_sessions\{[^}]*state="used"[^}]*\} (\d+)$/m);

  /** Sends requests. Resolves when the service has begun all of them and some of them are waiting. */
  async function begin(requests: readonly Request[], headers: (at: number) => Record<string, string> = () => ({})) {
    let answered = 0;
    const answers = Promise.all(
      requests.map(async ([method, path, body], at) => {
        const answer = await api.send(method, path, body, headers(at));
        answered += 1;
        return answer;
      }),
    );
    await eventually(async () => {
      expect((await inFlight()) + answered).to.equal(requests.length);
      expect(await sessionsInUse()).to.be.at.least(1);
    });
    return { answers };
  }

  /** Reads a message of the other application, which must not be affected. */
  async function expectNeighbourServed(headers: Record<string, string> = {}) {
    for (let nth = 0; nth < 5; nth += 1) {
      const { status, text } = await api.get(`${pathOf(quiet!)}/messages/1`, headers);
      expect(status, text).to.equal(200);
    }
  }
  const expectInUse = (sessions: number) => eventually(async () => expect(await sessionsInUse()).to.equal(sessions));
  /**
   * On a slow machine, the request that waited for the row may be refused after two seconds. The requests behind it may
   * be refused because too many of them are waiting.
   */
  function expectDone(answers: readonly Answer[], status: number) {
    const statuses = answers.map((answer) => answer.status);
    expect(statuses).to.include(status);
    expect([status, 429, 503]).to.include.members(statuses);
  }

  const chatRow = "SELECT id FROM chats WHERE id = ? FOR UPDATE";
  const applicationRow = "SELECT id FROM applications WHERE token = ? FOR UPDATE";
  const readsRow = "SELECT number FROM `reads` WHERE chat_id = ? FOR UPDATE";
  const kinds: Record<string, { sql: string; request: (at: number) => Request; status: number }> = {
    "edits of a message": {
      sql: chatRow,
      request: (at) => ["PATCH", `${pathOf(hot!)}/messages/1`, { body: `edit ${at}` }],
      status: 200,
    },
    "edits of a chat's messages": {
      sql: chatRow,
      request: (at) => ["PUT", `${pathOf(hot!)}/messages/${1 + (at % 3)}`, { body: `edit ${at}` }],
      status: 200,
    },
    "deletions of a message": { sql: chatRow, request: () => ["DELETE", `${pathOf(hot!)}/messages/2`], status: 204 },
    "changes of a chat": {
      sql: chatRow,
      request: (at) => ["PATCH", pathOf(hot!), { name: `chat ${at}` }],
      status: 200,
    },
    "deletions of a chat": { sql: chatRow, request: () => ["DELETE", pathOf(hot!)], status: 204 },
    "read horizons of a reader": {
      sql: readsRow,
      request: () => ["PUT", `${pathOf(hot!)}/reads/anna`, { number: 2 }],
      status: 200,
    },
    "changes of an application": {
      sql: applicationRow,
      request: (at) => ["PATCH", application(hot!), { name: `name ${at}` }],
      status: 200,
    },
    "erasures of senders": {
      sql: applicationRow,
      request: (at) => ["POST", `${application(hot!)}/erasures`, { sender: `sender ${at}` }],
      status: 202,
    },
    "creations of keys": {
      sql: applicationRow,
      request: (at) => ["POST", `${application(hot!)}/keys`, { name: `key ${at}`, scopes: ["read"] }],
      status: 201,
    },
    "creations of chats": {
      sql: applicationRow,
      request: (at) => ["POST", `${application(hot!)}/chats`, { name: `chat ${at}` }],
      status: 201,
    },
    "deletions of an application": { sql: applicationRow, request: () => ["DELETE", application(hot!)], status: 204 },
  };

  for (const [what, { sql, request, status }] of Object.entries(kinds)) {
    it(`use one session together, and other applications are served: ${what}`, async () => {
      await start();
      if (sql === readsRow) await api.send("PUT", `${pathOf(hot!)}/reads/anna`, { number: 1 });
      let begun: Awaited<ReturnType<typeof begin>> | undefined;
      await whileLocked(sql, [sql === applicationRow ? hot!.token : hot!.id], async () => {
        begun = await begin(Array.from({ length: 24 }, (_, at) => request(at)));
        await expectNeighbourServed();
        await expectInUse(1);
      });
      expectDone(await begun!.answers, status);
    });
  }

  const small = { "long texts": { body: "x".repeat(60_000) }, "many values": { body: "1", z: Array(950).fill(0) } };
  for (const [what, body] of Object.entries(small)) {
    it(`hold at most half of the memory for requests, however small they are: ${what}`, async () => {
      await start({ MAX_REQUEST_BYTES: "8MiB", REQUIRE_KEYS: "on" });
      const keys = keyMaker(world);
      const [{ headers }, neighbour] = [await keys.make(hot!.token), await keys.make(quiet!.token)];
      const other = await world.newChat(hot!.token);
      await world.accept(other, "one");
      await world.store();
      const long = small["long texts"];
      let begun: Awaited<ReturnType<typeof begin>> | undefined;
      await whileLocked("SELECT id FROM chats WHERE id IN (?, ?) FOR UPDATE", [hot!.id, other.id], async () => {
        const edits = Array.from({ length: 160 }, (_, at): Request => [
          "PATCH",
          `${pathOf(at % 2 === 0 ? hot! : other)}/messages/1`,
          body,
        ]);
        begun = await begin(edits, () => headers);
        const { status, text } = await api.send("PATCH", `${pathOf(quiet!)}/messages/1`, long, neighbour.headers);
        expect(status, text).to.equal(200);
      });
      const refused = (await begun!.answers).filter(({ text }) => text.includes("memory for requests"));
      expect(refused.map(({ status }) => status))
        .to.include(429)
        .and.not.include(503);
    });
  }

  it("are refused as too many, never because of the database, and leave other applications theirs", async () => {
    await start();
    const edits = Array.from({ length: 110 }, (_, at): Request => [
      "PATCH",
      `${pathOf(hot!)}/messages/1`,
      { body: `edit ${at}` },
    ]);
    let begun: Awaited<ReturnType<typeof begin>> | undefined;
    await whileLocked(chatRow, [hot!.id], async () => {
      begun = await begin(edits);
      await expectNeighbourServed();
      await expectInUse(1);
    });
    const answers = await begun!.answers;
    expectDone(answers, 200);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).to.have.length.at.least(9);
    expect(refused[0]!.text).to.include("wait for each other");
  });

  it("hold no more sessions than the share of their application, in however many chats", async () => {
    await start();
    const chats = await Promise.all(Array.from({ length: 20 }, () => world.newChat(hot!.token)));
    for (const chat of chats) await world.accept(chat, "one");
    await world.store();
    const edits = chats.map((chat): Request => ["PATCH", `${pathOf(chat)}/messages/1`, { body: "edited" }]);
    let begun: Awaited<ReturnType<typeof begin>> | undefined;
    const ids = chats.map(({ id }) => id);
    await whileLocked(`SELECT id FROM chats WHERE id IN (${ids.map(() => "?").join()}) FOR UPDATE`, ids, async () => {
      begun = await begin(edits);
      await expectInUse(2);
      await expectNeighbourServed();
      await expectInUse(2);
    });
    expectDone(await begun!.answers, 200);
  });

  it("hold one session of a user, and leave the others of the application theirs", async () => {
    await start({ REQUIRE_KEYS: "yes" });
    const keys = keyMaker(world);
    const { key, headers } = await keys.make(hot!.token);
    const other = await world.newChat(hot!.token);
    await world.accept(hot!, { body: "mine", sender: "mallory" });
    await world.accept(other, { body: "mine", sender: "mallory" });
    await world.store();
    const mallory = await keys.signUser(key, { sub: "mallory", chats: { "*": ["read", "edit", "write"] } });
    const alice = await keys.signUser(key, { sub: "alice", chats: { "*": ["read", "edit", "write"] } });
    const edits = [hot!, other].flatMap((chat) =>
      Array.from({ length: 12 }, (_, at): Request => [
        "PATCH",
        `${pathOf(chat)}/messages/${chat === hot ? 4 : 1}`,
        { body: `edit ${at}` },
      ]),
    );
    let begun: Awaited<ReturnType<typeof begin>> | undefined;
    await whileLocked("SELECT id FROM chats WHERE id IN (?, ?) FOR UPDATE", [hot!.id, other.id], async () => {
      begun = await begin(edits, () => mallory);
      const horizon = await api.send("PUT", `${pathOf(other)}/reads/alice`, { number: 1 }, alice);
      expect(horizon.status, horizon.text).to.equal(200);
      expect((await api.get(`${pathOf(hot!)}/messages`, headers)).status).to.equal(200);
      await expectNeighbourServed((await keys.make(quiet!.token)).headers);
      await expectInUse(1);
    });
    expectDone(await begun!.answers, 200);
  });

  it("do not include edits of messages that are not stored yet, which wait outside the share", async () => {
    await start();
    await world.accept(hot!, "four", "five", "six", "seven");
    const edits = [4, 5, 6, 7].map((number): Request => ["PATCH", `${pathOf(hot!)}/messages/${number}`, { body: "x" }]);
    let answered = 0;
    const answers = edits.map(async ([method, path, body]) => {
      const answer = await api.send(method, path, body);
      answered += 1;
      return answer;
    });
    await eventually(async () => expect(await inFlight()).to.equal(edits.length));
    expect((await api.get(`${pathOf(hot!)}/messages?limit=1`)).status).to.equal(200);
    const edited = await api.send("PATCH", `${pathOf(hot!)}/messages/1`, { body: "edited" });
    expect(edited.status, edited.text).to.equal(200);
    expect(answered, "they are still waiting").to.equal(0);
    await world.store();
    for (const { status, text } of await Promise.all(answers)) expect(status, text).to.equal(200);
  });
});
