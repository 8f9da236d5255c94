import type { WorkerConfig } from "@confab/config";
import { createChats, createMessages, createOutbox, SearchBackendMismatch } from "@confab/database";
import { createConsumer, queues } from "@confab/queue";
import { inSpan, messagingAttributes, startSharedSpan, traced, type Logger } from "@confab/runtime";
import { searchBackendOf, SearchUnavailable } from "@confab/search";
import type { Dependencies } from "./dependencies.ts";
import type { JobCounters } from "./job-counters.ts";
import { createIndexMessages } from "./handlers/index-messages.ts";
import { shouldWait } from "./should-wait.ts";

/** Starts the consumer that indexes stored messages. `work` contains the parts that the schedules use as well. */
export function startIndexing(
  dependencies: Dependencies & { config: WorkerConfig; logger: Logger },
  jobs: JobCounters,
) {
  const { blocking, database, search, metrics, tracer, config, logger } = dependencies;
  const messages = traced(tracer, "mysql", "messages", createMessages(database));
  const outbox = createOutbox(database, { backend: searchBackendOf(config.search) });
  const index = createIndexMessages({
    // An outbox span contains index spans, so it does not count as a database call.
    outbox: traced(tracer, undefined, "outbox", outbox),
    messages,
    chats: createChats(database),
    search: traced(tracer, config.search.backend, "search", search),
    isUnavailable: (error) =>
      error instanceof SearchUnavailable || error instanceof SearchBackendMismatch || shouldWait(error),
    metrics,
    logger,
  });
  const consumer = createConsumer({
    queue: "search",
    connection: blocking,
    prefix: config.partitioning.prefix,
    partition: 0,
    logger,
    concurrency: 2,
    onEnd: jobs.count,
    handle: ({ traces = [] }) => {
      const attributes = messagingAttributes("process", "index", queues.search.name);
      const span = startSharedSpan(tracer, "index", { kind: "consumer", causes: traces, attributes });
      return inSpan(span, () => index.run());
    },
  });
  return {
    work: { index, messages, outbox },
    /** Ends the current run early, because the outbox never becomes empty while other workers store. */
    abandon: () => index.stop(),
    stop: () => consumer.stop(),
  };
}
