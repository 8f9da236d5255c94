export { createConsumer, type Consumer, type JobOutcome } from "./consumer.ts";
export { jobStates, queueDepths, type QueueDepth } from "./depth.ts";
export { createProducer, type Producer } from "./producer.ts";
export { createQueueGauges } from "./queue-gauges.ts";
export { queues, waitListKey, type QueueName } from "./queues.ts";
