import type { Attributes } from "./tracer.ts";

/**
 * Returns a span's attributes by OpenTelemetry's conventions for messaging: `operation` is our name of it, `messages`
 * how many it is about.
 */
export function messagingAttributes(
  type: "send" | "process",
  operation: string,
  queue: string,
  messages?: number,
): Attributes {
  return {
    "messaging.system": "bullmq",
    "messaging.operation.type": type,
    "messaging.operation.name": operation,
    "messaging.destination.name": queue,
    "messaging.batch.message_count": messages,
  };
}
