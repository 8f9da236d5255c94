import { confab } from "../designs/confab.ts";
import { acceptedFigure, measureAccepting } from "./measure-accepting.ts";
import type { Row } from "./row.ts";

const [single, hundred] = ["one per request", "100 per request"];

export const batchRow: Row = {
  name: "batch",
  title: "Accepting 100 messages per request, over 64 connections",
  sides: () => [
    { name: single, measure: (world, settings) => measureAccepting(world, settings, confab, { connections: 64 }) },
    {
      name: hundred,
      measure: (world, settings) => measureAccepting(world, settings, confab, { connections: 64, perRequest: 100 }),
    },
  ],
  goals: [
    {
      title: "accepted/s, 100 per request, compared with one",
      figure: acceptedFigure,
      of: hundred,
      against: single,
      better: "higher",
      pass: 5,
      aim: 12,
    },
  ],
};
