import { queues, type QueueName } from "./queues.ts";
import { partitionPrefix } from "@confab/redis";
import { Queue, type QueueOptions } from "bullmq";

/** Opens the queue of a partition. With `skipMetasUpdate`, opening it writes nothing. */
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
  // Without a listener, BullMQ prints errors. The owner of the connection receives them anyway.
  opened.on("error", () => undefined);
  return opened;
}
