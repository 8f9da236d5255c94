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
export { createConsumer, type Consumer, type JobOutcome } from "./consumer.ts";
export { jobStates, queueDepths, type QueueDepth } from "./depth.ts";
export { createReplicatedRead, ReplicasMissing, withReplicas, type Replication } from "./replicas.ts";
export { createLease } from "./lease.ts";
export { createSharing } from "./sharing.ts";
export { serversOf } from "./servers.ts";
export { createRedisPing } from "./ping.ts";
export { createQueueGauges } from "./queue-gauges.ts";
export { createRedisGauges } from "./redis-gauges.ts";
export { readRedisSettings, type ExpectedOfRedis } from "./redis-settings.ts";
export { createProducer, type Producer } from "./producer.ts";
