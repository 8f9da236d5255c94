import type { Attributes } from "./tracer.ts";

/**
 * Returns a span's attributes according to OpenTelemetry's conventions for messaging. `operation` is our own name for
 * the operation, `messages` is the number of affected messages.
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
