import { setTimeout as sleep } from "node:timers/promises";
import type { Scope } from "@confab/contracts";
import { testStores, uniquePrefix } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import type { Principal } from "../src/principal.ts";
import { createTickets } from "../src/tickets.ts";

const scopes = (...names: Scope[]): ReadonlySet<Scope> => new Set(names);

describe("tickets", () => {
  const prefix = uniquePrefix("tickets");
  const keyring = { signer: () => undefined, markUsed: () => undefined };
  let redis: Redis;
  before(() => (redis = new Redis(testStores().redisUrl)));
  after(() => redis.quit());

  const ofUser = (chats: [string, ReadonlySet<Scope>][], token = "application", id = "anna"): Principal => ({
    name: "user of key 8Qn3fVbZ",
    token,
    scopes: scopes("read", "write"),
    keyId: undefined,
    expiresAt: Infinity,
    user: { id, chats: new Map(chats) },
  });

  it("open what their user may read, by name or as all others", async () => {
    const tickets = createTickets({ redis, prefix, keyring });
    for (const [chats, expected] of [
      [
        [
          ["1", scopes("read", "write")],
          ["2", scopes("write")],
        ],
        [["1", scopes("read")]],
      ],
      [
        [
          ["*", scopes("read")],
          ["7", scopes("write")],
          ["8", scopes()],
        ],
        [
          ["*", scopes("read")],
          ["7", scopes()],
          ["8", scopes()],
        ],
      ],
    ] as [[string, ReadonlySet<Scope>][], [string, ReadonlySet<Scope>][]][]) {
      const { ticket } = await tickets.create(ofUser(chats), "application");
      const { user } = (await tickets.redeem(ticket))!;
      expect([user!.id, [...user!.chats]]).to.deep.equal(["anna", expected]);
      expect(await tickets.redeem(ticket)).to.equal(undefined);
    }
  });

  it("of a user with many chats take little memory in Redis", async () => {
    const tickets = createTickets({ redis, prefix: `${prefix}-large`, keyring });
    const chats = Array.from({ length: 352 }, (_, at) => [String(at + 1), scopes("read", "write")] as const);
    await tickets.create(ofUser(chats.map(([chat, of]) => [chat, of])), "application");
    const [name] = await redis.keys(`${prefix}-large:ticket:*`);
    expect(await redis.memory("USAGE", name!)).to.be.below(2_000);
  });

  it("of one application take limited memory in Redis, and leave others theirs", async () => {
    const tickets = createTickets({ redis, prefix, keyring, maxBytes: 10_000, lifetimeMs: 300, userShare: 0.25 });
    const create = (token: string, id: string | undefined) =>
      tickets.create(id === undefined ? undefined : ofUser([["*", scopes("read")]], token, id), token);
    const createAll = async (id?: string) => {
      let created = 0;
      for (; created < 100; created += 1) {
        const refused = await create("greedy", id).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (refused === undefined) continue;
        expect(refused).to.include({ code: "rate-limited" });
        break;
      }
      return created;
    };
    expect(await createAll("mallory"), "a user").to.be.within(4, 10);
    await create("greedy", "anna");
    expect(await createAll(), "the application").to.be.within(15, 40);
    await create("other", "mallory");
    await sleep(350);
    expect(await createAll(), "once the earlier ones are forgotten").to.be.within(15, 40);
  });
});
