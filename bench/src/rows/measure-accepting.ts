import { prepareRequests } from "../load/messages.ts";
import { runWrk, type WrkResult } from "../load/wrk.ts";
import { memoryOf, watchCpu } from "../processes.ts";
import { faultsOfCount } from "../verify.ts";
import { withStores, type Fsync, type World } from "../world.ts";
import type { Design } from "../designs/design.ts";
import type { Measured, Settings } from "./row.ts";

export interface Load {
  /** Number of connections to all processes together. */
  readonly connections: number;
  readonly processes?: number;
  readonly fsync?: Fsync;
  /**
   * Number of messages per request. If it is undefined, each request contains a single message and is sent to
   * `/messages`.
   */
  readonly perRequest?: number;
  readonly chats?: number;
  readonly warmUpSeconds?: number;
}

export const acceptedFigure = "accepted, messages/s";
export const cpuFigure = "service + Redis CPU, µs/message";
export const p50Figure = "p50, ms";
export const p99Figure = "p99, ms";
export const memoryFigure = "resident memory, MB";

/**
 * Measures the messages accepted per second while no worker runs. The messages of the warm-up are verified but not
 * measured.
 */
export async function measureAccepting(
  world: World,
  { seconds }: Settings,
  design: Design,
  { connections, processes = 1, fsync = "always", perRequest, chats, warmUpSeconds = 5 }: Load,
): Promise<Measured> {
  return withStores(world, fsync, async (stores) => {
    const { target, requests } = await prepareRequests(world, stores, { chats, perRequest });
    const path = perRequest === undefined ? "/messages" : "/messages/batch";
    const messages = perRequest ?? 1;
    const running = await Promise.all(Array.from({ length: processes }, () => design.startIngest(stores)));
    const stop = () => Promise.all(running.map((process) => process.stop()));
    try {
      const load = (seconds: number) =>
        Promise.all(
          running.map(({ url }) => runWrk({ url, path, requests, seconds, connections: connections / processes })),
        );
      const warmUp = await load(warmUpSeconds);
      const pids = running.map(({ pid }) => pid);
      const watch = watchCpu({ service: pids, Redis: [stores.pids.redis] });
      const loads = await load(seconds);
      const { service, Redis } = watch();
      const { now, highest } = memoryOf(pids);
      await stop();
      const answered = messages * answeredOf(loads);
      const held = await design.readHeld(stores, target);
      const perMessage = (us: number | null | undefined) => (us == null ? null : us / answered);
      return {
        figures: {
          [acceptedFigure]: loads.reduce((total, { answered, seconds }) => total + (messages * answered) / seconds, 0),
          [p50Figure]: Math.max(...loads.map(({ p50 }) => p50)),
          [p99Figure]: Math.max(...loads.map(({ p99 }) => p99)),
          [cpuFigure]: service == null || Redis == null ? null : (service + Redis) / answered,
          "service CPU, µs/message": perMessage(service),
          "Redis CPU, µs/message": perMessage(Redis),
          [memoryFigure]: now,
          "highest resident memory, MB": highest,
        },
        faults: [
          ...[...warmUp, ...loads].flatMap(({ faults }) => faults),
          ...held.faults,
          ...faultsOfCount(held.messages, answered + messages * answeredOf(warmUp), 2 * connections * messages),
        ],
      };
    } finally {
      await stop();
    }
  });
}

function answeredOf(loads: readonly WrkResult[]): number {
  return loads.reduce((total, { answered }) => total + answered, 0);
}
