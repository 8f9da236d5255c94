import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { keyMaker } from "./key-world.ts";
import { problemOf, useApi } from "./start.ts";

const adminKey = "admin-key-for-tests";

describe("guesses of the configured admin key", function () {
  this.timeout(60_000);
  let token: string;
  const { world, api } = useApi({
    RATE_LIMITS: "on",
    REQUIRE_KEYS: "on",
    ADMIN_API_KEY: adminKey,
    TRUSTED_PROXIES: "1",
    APPLICATION_REQUEST_RATE: "100000",
  });
  before(async () => {
    token = await world.newApplication();
  });
  const from = (address: string, key?: string) => ({
    "x-forwarded-for": address,
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
  });

  it("are limited per client address on every route, and then not even the right key is accepted", async () => {
    const paths = ["/applications", "/admin/keys", `/applications/${token}`, `/applications/${token}/keys`];
    const statuses: number[] = [];
    for (let nth = 0; nth < 80; nth += 1) {
      const answer = await api.get(paths[nth % paths.length]!, from("192.0.2.1", `wrong-guess-${nth}-of-many`));
      statuses.push(answer.status);
      if (answer.status === 429) {
        expect(problemOf(answer, "rate-limited").detail).to.include("wrong admin keys");
        expect(Number(answer.headers.get("retry-after"))).to.equal(1);
      }
    }
    const guessed = statuses.filter((status) => status === 401).length;
    expect(guessed).to.be.within(50, 70);
    expect(statuses.filter((status) => status === 429).length).to.equal(80 - guessed);
    for (let nth = 0; nth < 30; nth += 1) await api.get("/applications", from("192.0.2.1", "wrong-guess-again"));

    expect((await api.get("/applications", from("192.0.2.1", adminKey))).status).to.equal(429);
    expect((await api.get("/applications", from("192.0.2.2", adminKey))).status, "another address").to.equal(200);
    const { key } = await keyMaker(world).make(token);
    expect((await api.get(`/applications/${token}`, from("192.0.2.1", key))).status, "another key").to.equal(200);
    await sleep(1_000);
    expect((await api.get("/applications", from("192.0.2.1", adminKey))).status, "later").to.equal(200);
  });

  it("are not requests without a key, or with a key or user token that is no longer valid", async () => {
    const keys = keyMaker(world);
    const { key } = await keys.make(token);
    const { authorization } = await keys.signUser(key, { sub: "anna", chats: {}, exp: 1 });
    const { expired } = await keys.invalid(token);
    for (let nth = 0; nth < 70; nth += 1) {
      const address = { "x-forwarded-for": "192.0.2.3" };
      for (const headers of [address, { ...address, authorization }, from("192.0.2.3", expired)]) {
        expect((await api.get(`/applications/${token}`, headers)).status).to.equal(401);
      }
    }
    expect((await api.get("/applications", from("192.0.2.3", adminKey))).status).to.equal(200);
  });
});
