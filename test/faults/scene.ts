import { setTimeout as pause } from "node:timers/promises";
import type { Expectations } from "./history/lines.ts";
import type { Recorder } from "./history/recorder.ts";
import type { Random } from "./load/random.ts";
import type { Pace } from "./load/writers.ts";
import type { Load } from "./load/load.ts";
import type { Topology, World } from "./world/world.ts";
import type { ServiceName } from "./world/process.ts";
import type { SharedStores } from "./world/stores.ts";
import type { RedisKind } from "./world/redis.ts";

/** What a nemesis has at hand. */
export interface Scene {
  readonly world: World;
  readonly load: Load;
  readonly recorder: Recorder;
  readonly random: Random;
  readonly pause: (ms: number) => Promise<void>;
  /** Does something harmful and writes into the history when; `loses` says that Redis lost data in it. */
  readonly during: (what: string, harm: () => Promise<void>, options?: { readonly loses?: boolean }) => Promise<void>;
  /** Waits until so many further messages are acknowledged, at most 5 s. */
  readonly accepted: (further: number) => Promise<void>;
}

/** A row of the suite: what is done to the system, and what it may do to the promises. */
export interface Fault {
  /** As `ONE` names it. */
  readonly name: string;
  readonly title: string;
  readonly expectations: Expectations;
  readonly topology?: Partial<Topology>;
  readonly env?: Readonly<Partial<Record<ServiceName | "all", Readonly<Record<string, string>>>>>;
  /** A single server where it says nothing. */
  readonly redis?: RedisKind;
  readonly redisArgs?: readonly string[];
  readonly pace?: Partial<Pace>;
  readonly writers?: number;
  readonly chats?: number;
  /** It stops or reconfigures MySQL, and so runs only where the server is the suite's own. */
  readonly ownsMysql?: boolean;
  /** Servers of its own in place of some of the shared ones, in `dir`; their `stop` leaves the shared ones alone. */
  readonly ownStores?: (shared: SharedStores, dir: string) => Promise<SharedStores>;
  /** Why it cannot run here; undefined where it can. */
  readonly cannotRun?: () => string | undefined;
  /** What one process's environment holds beside its service's; `dir` is the run's own folder. */
  readonly envOf?: (dir: string, process: string) => Readonly<Record<string, string>>;
  /** Before any process starts. */
  readonly prepare?: (dir: string) => Promise<void>;
  /** Injects the fault under load and ends it again. */
  readonly run: (scene: Scene) => Promise<void>;
}

/** What most faults must be followed by: service again within five seconds, and no answer that takes longer than five. */
export const usual: Expectations = { recoverWithinMs: 5_000, answerWithinMs: 5_000 };

/** The scene of one run. */
export function createScene(world: World, load: Load, recorder: Recorder, random: Random): Scene {
  return {
    ...{ world, load, recorder, random },
    pause: (ms) => pause(ms),
    async during(what, harm, { loses = false } = {}) {
      const t0 = recorder.now();
      try {
        await harm();
      } finally {
        recorder.write({ type: "window", t0, t1: recorder.now(), what, ...(loses && { loses }) });
      }
    },
    async accepted(further) {
      const wanted = load.acknowledged() + further;
      const until = performance.now() + 5_000;
      while (load.acknowledged() < wanted && performance.now() < until) await pause(10);
    },
  };
}
