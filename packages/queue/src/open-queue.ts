import { queues, type QueueName } from "./queues.ts";
import { partitionPrefix } from "@confab/redis";
import { Queue, type QueueOptions } from "bullmq";

/** Opens a partition's queue. With `skipMetasUpdate` it only reads. */
export function openQueue(
  queue: QueueName,
  partition: number,
  { prefix, ...options }: QueueOptions & { prefix: string },
): Queue {
  const opened = new Queue(queues[queue].name, {
    ...options,
    prefix: partitionPrefix(prefix, partition),
    skipVersionCheck: true,
  });
  // BullMQ prints errors without a listener. The owner of the connection gets them anyway.
  opened.on("error", () => undefined);
  return opened;
}
