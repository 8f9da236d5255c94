import { startService, testStores, uniquePrefix, useForAll, type ServiceHandle } from "@confab/testkit";
import { expect } from "chai";
import { Redis } from "ioredis";
import { messageOf, openWorld, readAccepted, send } from "./start.ts";

const chatCount = 10;
const clientCount = 32;
const messagesPerChat = 100;

describe("two ingest processes", () => {
  let services: ServiceHandle[];
  const partitioning = { prefix: uniquePrefix("ingest"), partitions: 2 };
  const world = useForAll(openWorld);
  before(async () => {
    const env = { DATABASE_URL: world.url, REDIS_KEY_PREFIX: partitioning.prefix, PARTITIONS: "2" };
    services = await Promise.all([startService("ingest", env), startService("ingest", env)]);
  });
  after(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });

  it("assign the numbers of ten chats to 32 clients without a gap, each to the body of its request", async () => {
    const chats = await Promise.all(Array.from({ length: chatCount }, () => world.newChat()));
    const answered = chats.map((): Record<number, string> => ({}));
    const requests = Array.from({ length: chatCount * messagesPerChat }, (_, index) => index);

    await Promise.all(
      Array.from({ length: clientCount }, async (_, client) => {
        for (let index = requests.shift(); index !== undefined; index = requests.shift()) {
          const chatIndex = index % chatCount;
          const body = `request ${index} of client ${client}`;
          const url = services[(index + client) % services.length]!.url;
          const message = messageOf(await send(url, chats[chatIndex]!, body));
          expect(message.body).to.equal(body);
          expect(answered[chatIndex], "a number that was returned twice").to.not.have.property(String(message.number));
          answered[chatIndex]![message.number] = body;
        }
      }),
    );

    const redis = new Redis(testStores().redisUrl);
    try {
      const all = Array.from({ length: messagesPerChat }, (_, index) => String(index + 1));
      for (const [index, chat] of chats.entries()) {
        expect(Object.keys(answered[index]!)).to.deep.equal(all);
        expect(await readAccepted(redis, partitioning, chat)).to.deep.equal(answered[index]);
      }
    } finally {
      redis.disconnect();
    }
  });
});
