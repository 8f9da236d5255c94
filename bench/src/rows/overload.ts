import { confab } from "../designs/confab.ts";
import { prepareRequests } from "../load/messages.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { runWrk } from "../load/wrk.ts";
import { memoryOf, watchCpu } from "../processes.ts";
import { faultsOfCount } from "../verify.ts";
import { withStores, type World } from "../world.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

const [capacity, overload] = ["as much as it takes", "three times as much"];
const usefulFigure = "accepted within a second, messages/s";
const times = 3;
/** Number of connections that keep one process busy. */
const busyConnections = 64;
/**
 * Number of connections with which the process receives more than it can answer within a second, so that it must refuse
 * requests.
 */
const allConnections = 10_000;
const warmUpSeconds = 3;
/** Number of seconds for which the capacity of the process is measured. */
const tryingSeconds = 3;

export const overloadRow: Row = {
  name: "overload",
  title: "Accepting when three times as much is sent as one process can take",
  sides: () => [sideOf(capacity, busyConnections), sideOf(overload, allConnections)],
  goals: [
    {
      title: "accepted/s at three times the load, compared with the most that is possible",
      figure: usefulFigure,
      of: overload,
      against: capacity,
      better: "higher",
      pass: 0.9,
      aim: 0.97,
    },
  ],
};

function sideOf(name: string, connections: number): Side {
  return { name, measure: (world, settings) => measureOverload(world, settings, connections) };
}

/**
 * Measures a process that is offered three times its capacity, on both sides of the row. The number of connections
 * limits how many requests reach the process at the same time.
 */
async function measureOverload(world: World, { seconds }: Settings, connections: number): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const { target, requests } = await prepareRequests(world, stores);
    const ingest = await confab.startIngest(stores);
    try {
      const path = "/messages";
      const wrk = { url: ingest.url, path, requests, connections: busyConnections };
      // The first load is slow, because V8 has not optimized the code yet.
      const before = [
        await runWrk({ ...wrk, seconds: warmUpSeconds }),
        await runWrk({ ...wrk, seconds: tryingSeconds }),
      ];
      const taken = before.at(-1)!;
      const rate = Math.ceil((times * taken.answered) / taken.seconds);
      const watch = watchCpu({ service: [ingest.pid], Redis: [stores.pids.redis] });
      const load = await runOpenLoop({
        port: Number(new URL(ingest.url).port),
        path,
        requests,
        expected: 201,
        isOverload: true,
        connections,
        rate,
        seconds,
      });
      const { service, Redis } = watch();
      const { highest } = memoryOf([ingest.pid]);
      await ingest.stop();
      const held = await confab.readHeld(stores, target);
      const answered = [...before, load].reduce((total, { answered }) => total + answered, 0);
      const perMessage = (us: number | null | undefined) => (us == null ? null : us / load.answered);
      return {
        figures: {
          [usefulFigure]: load.useful / seconds,
          "offered, messages/s": rate,
          "accepted later, messages/s": (load.answered - load.useful) / seconds,
          "refused, messages/s": load.refused / seconds,
          "refused, but stored, messages/s": Math.max(0, held.messages - answered) / seconds,
          "from sending to the answer, p99, ms": load.answerP99,
          "service CPU, µs/message": perMessage(service),
          "Redis CPU, µs/message": perMessage(Redis),
          "CPU of the load, µs/message": perMessage(load.cpu),
          "highest resident memory, MB": highest,
        },
        faults: [
          ...[...before, load, held].flatMap(({ faults }) => faults),
          // A refused message may nevertheless have been accepted. So may the last message of each connection of wrk,
          // which does not wait for that answer.
          ...faultsOfCount(held.messages, answered, load.refused + before.length * busyConnections),
        ],
      };
    } finally {
      await ingest.stop();
    }
  });
}
