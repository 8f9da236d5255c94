export { connectForRequests, connectForWork, whenReady } from "./connections.ts";
export { createConsumer, type Consumer } from "./consumer.ts";
export { jobStates, queueDepths, type QueueDepth } from "./depth.ts";
export { createProducer, type Producer } from "./producer.ts";
