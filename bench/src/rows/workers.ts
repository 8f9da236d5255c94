import { confab, startConfabWorker } from "../designs/confab.ts";
import { measureDraining, storedFigure } from "./measure-draining.ts";
import type { Row, Side } from "./row.ts";

const delayMs = 5;
const [one, four] = ["1 worker", "4 workers"];

export const workersRow: Row = {
  name: "workers",
  title: "Storing a backlog by 1 and 4 workers, with 5 ms to MySQL in each direction",
  sides: () => [sideOf(one, 1), sideOf(four, 4)],
  goals: [
    {
      title: "stored/s by 4 workers, compared with 1, with 5 ms to MySQL",
      figure: storedFigure,
      of: four,
      against: one,
      better: "higher",
      pass: 3.2,
      aim: 3.8,
    },
  ],
};

function sideOf(name: string, workers: number): Side {
  return {
    name,
    measure: (world, { seconds }) =>
      measureDraining(world, {
        design: confab,
        startWorker: startConfabWorker,
        fillSeconds: 2 * seconds,
        workers,
        delayMs,
      }),
  };
}
