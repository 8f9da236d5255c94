import { confab } from "../designs/confab.ts";
import { cpuFigure, measureAccepting, type Load } from "./measure-accepting.ts";
import type { Row, Side } from "./row.ts";

const [small, large] = ["100 chats", "1,000 chats"];

export const growthRow: Row = {
  name: "growth",
  title: "Accepting with ten times as many chats, after ten times as long a warm-up",
  sides: () => [
    sideOf(small, { connections: 64, chats: 100 }),
    // Five seconds are enough for V8 to optimize the hot path. The longer warm-up only adds messages.
    sideOf(large, { connections: 64, chats: 1_000, warmUpSeconds: 50 }),
  ],
  goals: [
    {
      title: "CPU per message with ten times as many chats and waiting messages",
      figure: cpuFigure,
      of: large,
      against: small,
      better: "lower",
      pass: 1.25,
      aim: 1.05,
    },
  ],
};

function sideOf(name: string, load: Load): Side {
  return { name, measure: (world, settings) => measureAccepting(world, settings, confab, load) };
}
