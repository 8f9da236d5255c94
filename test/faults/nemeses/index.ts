import { clockFaults } from "./clocks.ts";
import { clusterFaults } from "./cluster.ts";
import { diskFaults } from "./disk.ts";
import { hostileFaults } from "./hostile.ts";
import { loadFaults } from "./load.ts";
import { mysqlFailoverFaults } from "./mysql-failover.ts";
import { mysqlFaults } from "./mysql.ts";
import { processFaults } from "./processes.ts";
import { queueFaults } from "./queue.ts";
import { redisDataFaults } from "./redis-data.ts";
import { redisFaults } from "./redis.ts";
import { replacedFaults } from "./replaced.ts";
import { searchFaults } from "./search.ts";
import { senderFaults } from "./senders.ts";
import type { Fault } from "../scene.ts";

/** All faults, in the order of runs and reports. */
export const faults: readonly Fault[] = [
  ...processFaults,
  ...replacedFaults,
  ...redisFaults,
  ...redisDataFaults,
  ...clusterFaults,
  ...mysqlFaults,
  ...mysqlFailoverFaults,
  ...diskFaults,
  ...queueFaults,
  ...searchFaults,
  ...loadFaults,
  ...clockFaults,
  ...senderFaults,
  ...hostileFaults,
];
