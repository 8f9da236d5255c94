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

/** Everything that a nemesis needs to inject its fault. */
export interface Scene {
  readonly world: World;
  readonly load: Load;
  readonly recorder: Recorder;
  readonly random: Random;
  readonly pause: (ms: number) => Promise<void>;
  /**
   * Does something harmful and records its time window in the history. `loses` means that Redis lost data in the
   * window.
   */
  readonly during: (what: string, harm: () => Promise<void>, options?: { readonly loses?: boolean }) => Promise<void>;
  /** Waits until this many more messages are acknowledged, but for at most 5 s. */
  readonly accepted: (further: number) => Promise<void>;
}

/** A fault of the suite: what it does to the system, and which promises it may affect. */
export interface Fault {
  /** Name of the fault, to select it with `ONE`. */
  readonly name: string;
  readonly title: string;
  readonly expectations: Expectations;
  readonly topology?: Partial<Topology>;
  readonly env?: Readonly<Partial<Record<ServiceName | "all", Readonly<Record<string, string>>>>>;
  /** The setup of Redis. The default is a single server. */
  readonly redis?: RedisKind;
  readonly redisArgs?: readonly string[];
  readonly pace?: Partial<Pace>;
  readonly writers?: number;
  readonly chats?: number;
  /** The senders that messages name. If it is undefined, messages name no sender. */
  readonly senders?: readonly string[];
  /** Whether no chat is deleted in the fault's runs. */
  readonly keepsChats?: boolean;
  /** Starts separate servers in `dir` to replace some of the shared ones. `stop` does not stop the shared ones. */
  readonly ownStores?: (shared: SharedStores, dir: string) => Promise<SharedStores>;
  /** Returns why the fault cannot run here. Returns undefined if it can. */
  readonly cannotRun?: () => string | undefined;
  /**
   * Returns environment variables of one process, in addition to the variables of its service. `dir` is the run's own
   * folder.
   */
  readonly envOf?: (dir: string, process: string) => Readonly<Record<string, string>>;
  /** Runs before any process starts. */
  readonly prepare?: (dir: string) => Promise<void>;
  /** Injects the fault under load and ends it. */
  readonly run: (scene: Scene) => Promise<void>;
}

/**
 * Requirements of most faults: every request is served again within five seconds, and no answer takes more than five
 * seconds.
 */
export const usual: Expectations = { recoverWithinMs: 5_000, answerWithinMs: 5_000 };

/** Creates the scene of one run, which a nemesis acts on. */
export function createScene(world: World, load: Load, recorder: Recorder, random: Random): Scene {
  return {
    world,
    load,
    recorder,
    random,
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
