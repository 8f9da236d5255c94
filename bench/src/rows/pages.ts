import { startService } from "../services.ts";
import { environmentOf } from "../designs/design.ts";
import { bodiesOf, createTarget } from "../load/messages.ts";
import { figuresOfReads, readFigure, runReads } from "../load/reads.ts";
import { storeMessages } from "../load/store.ts";
import { watchCpu } from "../processes.ts";
import { withStores, type World } from "../world.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

const [small, large] = ["1,000 messages", "1,000,000 messages"];
const [newest, middle] = ["newest page", "page in the middle"];
/** Number of messages on a page: the api's default. */
const perPage = 50;
/** Number of pages to read in turn, all from the middle half of the chat. */
const places = 100;
const warmUpSeconds = 3;
const texts = bodiesOf(1);

export const pagesRow: Row = {
  name: "pages",
  title: "Reading pages of a chat with 1,000,000 messages",
  sides: () => [sideOf(small, 1_000), sideOf(large, 1_000_000)],
  goals: [newest, middle].map((page) => ({
    title: `p95 of the ${page} of 1,000,000 messages, compared with 1,000`,
    figure: readFigure(page, "p95"),
    of: large,
    against: small,
    better: "lower",
    pass: 1.2,
    aim: 1.05,
  })),
};

function sideOf(name: string, messages: number): Side {
  return { name, measure: (world, settings) => measurePages(world, settings, messages) };
}

async function measurePages(world: World, { seconds }: Settings, messages: number): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const target = await createTarget(stores, 1);
    await storeMessages(stores, target, messages, textOf);
    const api = await startService("api", { ...environmentOf(stores), SEARCH_BACKEND: "mysql", RATE_LIMITS: "off" });
    try {
      const path = `/applications/${target.token}/chats/1/messages`;
      const questions = {
        [newest]: [{ path: `${path}?order=desc`, isRight: isPage(messages, -1) }],
        [middle]: Array.from({ length: places }, (_, place) => {
          const after = Math.floor(messages * (0.25 + place / places / 2));
          return { path: `${path}?after=${after}`, isRight: isPage(after + 1, 1) };
        }),
      };
      const warmUp = await runReads({ url: api.url, questions, seconds: warmUpSeconds });
      const watch = watchCpu({ api: [api.pid], MySQL: [stores.pids.mysql] });
      const result = await runReads({ url: api.url, questions, seconds });
      return {
        figures: figuresOfReads(result, watch(), "page"),
        faults: [...warmUp.faults, ...result.faults],
      };
    } finally {
      await api.stop();
    }
  });
}

/** Returns the text of the message with index `at`. The first message has index 0. */
export function textOf(at: number): string {
  return texts[at % texts.length]!;
}

/** Returns a check for the page that begins with a number and goes up (1) or down (-1). */
export function isPage(first: number, step: 1 | -1): (answer: unknown) => boolean {
  return (answer) => {
    const page = answer as { number: number; body: string }[];
    return (
      page.length === perPage &&
      page.every(({ number, body }, at) => number === first + step * at && body === textOf(number - 1))
    );
  };
}
