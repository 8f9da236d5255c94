import type { Database } from "@confab/database";
import type { ServerHandle } from "@confab/testkit";
import type { Redis } from "ioredis";
import type { Installation } from "../installation.ts";
import type { Load } from "./load.ts";

export interface FaultWorld {
  readonly installation: Installation;
  readonly elasticsearch: ServerHandle;
  readonly redis: Redis;
  readonly database: Database;
  readonly load: Load;
}

export interface Fault {
  /** Short description of the fault, shown in the results. */
  readonly what: string;
  /** Alerts that must fire, with the window, store or service if several alerts have the same name. */
  readonly alerts: readonly string[];
  /** Alerts that must not fire meanwhile, because other alerts say why. */
  readonly silent?: readonly string[];
  cause(world: FaultWorld): Promise<void>;
  /** Keeps the fault going while the alerts are awaited, until `ended` is aborted. */
  feed?(world: FaultWorld, ended: AbortSignal): Promise<void>;
  readonly fixedBy: string;
  /** Fixes the fault; undefined if it is enough to wait. */
  fix?(world: FaultWorld): Promise<void>;
}

/** Alerts for which there is no fault here, each with the reason. promtool makes them fire. */
export const withoutFault: Readonly<Record<string, string>> = {
  ConfabConsumersRestarted: "needs a network that drops connections without closing them",
  ConfabErrorBudgetBurn: "other alerts say why in every fault here",
  ConfabSearchBudgetBurn: "its windows are days, and the shortened ones end with the fault",
  ConfabErasureStuck: "its threshold is an hour",
  ConfabRetentionBehind: "its threshold is a day",
  ConfabTargetDown: "needs two replicas",
  ConfabReplicaCutOff: "needs two replicas",
  ConfabAllTargetsGone: "needs a Prometheus whose targets change",
  ConfabSnapshotsStale: "needs a store that answers some commands only",
  ConfabRedisSlow: "needs a slow disk",
  ConfabBackupMissing: "its threshold is three days",
  ConfabRedisDiskNearlyFull: "needs a disk of its own",
  ConfabJobsFailing: "needs a defect",
  ConfabIndexIncomplete: "needs an index that lost messages of more than a minute ago",
  ConfabIndexRefusesMessages: "needs a document that Elasticsearch refuses",
};
