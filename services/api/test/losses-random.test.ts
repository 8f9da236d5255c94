import { messageSchema } from "@confab/contracts";
import { useForAll } from "@confab/testkit";
import { expect } from "chai";
import fc from "fast-check";
import { z } from "zod";
import type { EventReader } from "./event-reader.ts";
import { readAs, startApi } from "./start.ts";
import { isCaughtUp, useStreamedChat } from "./streamed-chat.ts";
import { openWorldWithRedis } from "./world.ts";

describe("when Redis loses messages at any time", function () {
  this.timeout(60_000);
  const world = useForAll(openWorldWithRedis);
  const api = useForAll(() => startApi(world, { REDIS_URL: world.server.url }));
  const { newChat, open } = useStreamedChat(world, api);

  const flush = () => world.redis.flushall();

  type Step = "send" | "store" | "lose" | "lose, store late" | "leave" | "return";

  /** Generates some of these steps in any order. The weights set how often each occurs. */
  const stepsOf = (weights: Partial<Record<Step, number>>) =>
    fc.array(
      fc.oneof(
        ...(Object.entries(weights) as [Step, number][]).map(([step, weight]) => ({
          weight,
          arbitrary: fc.constant(step),
        })),
      ),
      { minLength: 6, maxLength: 40 },
    );

  /**
   * Plays the steps. Returns three lists of messages: the messages that a client knows from the events of a new chat,
   * the messages in the list, and the messages that were sent after the last loss.
   */
  async function play(steps: readonly Step[]) {
    const chat = await newChat();
    const of = `${chat.path}/stream`;
    const known = new Map<number, unknown>();
    let position = "0";
    let reader: EventReader | undefined = await open("?after=0", { of });
    const leave = async () => {
      if (reader === undefined) return;
      await reader.close();
      position = reader.lastId() ?? position;
      for (const { event, data } of reader.events) {
        if (event === "message") known.set(data.number as number, data.body);
        if (event === "reset")
          for (const number of known.keys()) if (number > (data.number as number)) known.delete(number);
      }
      reader = undefined;
    };
    let sent: string[] = [];
    let count = 0;
    const send = async () => {
      sent.push(`message ${(count += 1)}`);
      await world.accept(chat, sent.at(-1)!);
    };
    for (const step of steps) {
      if (step === "send") await send();
      else if (step === "store") await world.store();
      else if (step === "lose" || step === "lose, store late") {
        const storeLate = await world.take((number) => number % 3 === 0);
        await flush();
        sent = [];
        if (step === "lose") continue;
        await send();
        await storeLate();
      } else {
        await leave();
        if (step === "return") reader = await open(`?after=${position}`, { of });
      }
    }
    await leave();
    reader = await open(`?after=${position}`, { of });
    await reader.until(isCaughtUp);
    await leave();
    const listed = readAs(z.array(messageSchema), await api.get(`${chat.path}?limit=200`));
    await world.store();
    return { known, listed: listed.map(({ number, body }) => [number, body] as const), sent };
  }

  it("a client that follows the events has what the list has, whatever is lost and however often it returns", async () => {
    const steps = stepsOf({ send: 6, store: 2, lose: 2, leave: 2, return: 3 });
    await fc.assert(
      fc.asyncProperty(steps, async (each) => {
        const { known, listed } = await play(each);
        expect([...known].sort(([a], [b]) => a - b)).to.deep.equal(listed);
      }),
      { numRuns: 40 },
    );
  });

  it("it misses nothing that was accepted after the last loss, whatever workers store late", async () => {
    const steps = stepsOf({ send: 8, "lose, store late": 2, leave: 1, return: 3 });
    await fc.assert(
      fc.asyncProperty(steps, async (each) => {
        const { known, listed, sent } = await play(each);
        const kept = listed.map(([, body]) => body).filter((body) => sent.includes(String(body)));
        expect([...known.values()]).to.include.members(kept);
      }),
      { numRuns: 60 },
    );
  });
});
