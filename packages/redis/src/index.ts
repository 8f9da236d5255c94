export type { RedisAddress } from "./address.ts";
export {
  connectForConsumers,
  connectForRequests,
  connectForWork,
  reconnect,
  waitForRedis,
  whenReady,
  type RedisConnection,
} from "./connections.ts";
export { createLease } from "./lease.ts";
export { partitionPrefix } from "./partition-prefix.ts";
export { createRedisPing } from "./ping.ts";
export { parseInfo } from "./redis-info.ts";
export { createRedisGauges } from "./redis-gauges.ts";
export { readRedisSettings, type ExpectedOfRedis } from "./redis-settings.ts";
export { createReplicatedRead, ReplicasMissing, withReplicas, type Replication } from "./replicas.ts";
export { serversOf } from "./servers.ts";
export { createSnapshotSharing } from "./snapshot-sharing.ts";
export { startSubscriberHeartbeat, subscriberSilenceMs } from "./subscriber-heartbeat.ts";
