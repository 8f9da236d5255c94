import { longestBlock, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { openCrowd } from "./crowd.ts";
import { useApi } from "./start.ts";

const readers = Number(process.env.CONFAB_READERS ?? 3_000);
/**
 * Maximum time in ms for which the event loop may be blocked. A slice takes 5 ms. Writing to all readers in one turn
 * would take at least 25 ms.
 */
const maxMs = 20;

type Measure = (what: string, cause: () => Promise<unknown>, seen: string) => Promise<void>;

describe(`${readers} readers of one chat`, function () {
  this.timeout(120_000);
  let path: string;
  const { world, api } = useApi({ LOG_LEVEL: "error", MAX_STREAMS: "20000" });
  const chat = useForAll(() => world.newChat());
  before(() => {
    path = `/applications/${chat.token}/chats/${chat.number}`;
  });

  it("are written to in slices, whatever happens, and each gets everything in order", async () => {
    const blocks: Record<string, number> = {};
    /**
     * Opens a crowd and runs `happen`, which measures how long events block the event loop. Keeps the shortest time for
     * each kind of event.
     */
    const withCrowd = async (happen: (measure: Measure) => Promise<unknown>): Promise<void> => {
      const crowd = await openCrowd(api, `${path}/messages/stream`, readers);
      try {
        await happen(async (what, cause, seen) => {
          const events = seen.split(";").length - 1;
          const block = await longestBlock(async () => {
            await cause();
            expect([...(await crowd.read(events))], what).to.deep.equal([[seen, readers]]);
          }, 1);
          blocks[what] = Math.min(blocks[what] ?? Infinity, block);
        });
      } finally {
        await crowd.close();
      }
    };
    const signal = (data: object) => api.send("POST", `${path}/signals`, { sender: "anna", type: "typing", data });
    await withCrowd(async (measure) => {
      for (let at = 1; at <= 3; at += 1) {
        await measure("signal", () => signal({}), `signal "typing";`);
        await measure("large signal", () => signal({ a: Array(300).fill({}) }), `signal "typing";`);
        await measure("message", () => world.accept(chat, "one"), `message ${at};`);
        await measure("read horizon", () => api.send("PUT", `${path}/reads/anna`, { number: at }), `read ${at};`);
      }
      await world.store();
      await measure("edit", () => api.send("PATCH", `${path}/messages/1`, { body: "uno" }), "edited 1;");
    });
    for (let round = 0; round < 3; round += 1)
      await withCrowd((measure) => measure("end", () => api.endStreams(chat, "deleted"), `goodbye "deleted";`));
    if (process.env.CONFAB_SHOW_FIGURES !== undefined) process.stdout.write(`${JSON.stringify(blocks)}\n`);
    for (const [what, ms] of Object.entries(blocks)) expect(ms, what).to.be.below(maxMs);
  });
});
