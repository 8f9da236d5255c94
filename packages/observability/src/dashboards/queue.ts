import { graph, stat, type DashboardPlan } from "../panel.ts";
import { installation, mean, quantiles, rate, shared } from "../queries.ts";

const n = `{${installation}}`;
const hpa = `${installation},horizontalpodautoscaler=~".*-worker"`;

export const queue: DashboardPlan = {
  uid: "confab-queue",
  title: "Confab / Queue and workers",
  description:
    "From the accept script to the index: batches, jobs, transactions, bulks, and how many workers there are.",
  rows: [
    {
      title: "Backlog",
      panels: [
        graph({
          title: "Jobs by state",
          description: "A job is a batch of messages. Waiting ones are what KEDA scales on.",
          unit: "short",
          queries: [{ expr: shared("confab_queue_jobs", "queue, state"), legend: "{{queue}} {{state}}" }],
          alerts: ["ConfabQueueGrowing"],
        }),
        graph({
          title: "Age of the oldest",
          description: "Oldest waiting job, oldest pending batch, oldest range for the index.",
          unit: "s",
          queries: [
            { expr: shared("confab_queue_oldest_job_age_seconds", "queue"), legend: "job in {{queue}}" },
            { expr: shared("confab_pending_oldest_age_seconds"), legend: "pending batch" },
            { expr: shared("confab_outbox_oldest_age_seconds"), legend: "range for the index" },
          ],
          warnAt: 10,
          badAt: 60,
          alerts: ["ConfabOldestPendingTooOld", "ConfabSearchLagHigh"],
        }),
        graph({
          title: "Ranges waiting for the index",
          description: "Ranges of messages in the search outbox; with the index away it grows and loses nothing.",
          unit: "short",
          queries: [{ expr: shared("confab_outbox_ranges"), legend: "ranges" }],
          alerts: ["ConfabSearchLagHigh"],
        }),
      ],
    },
    {
      title: "Workers",
      panels: [
        graph({
          title: "Workers, and how many KEDA wants",
          description:
            "At the most for long: raise worker.keda.maxReplicas, or see what the database is short of. Needs kube-state-metrics.",
          unit: "short",
          queries: [
            { expr: `count(confab_build_info{${installation},service="worker"})`, legend: "running" },
            { expr: `max(kube_horizontalpodautoscaler_status_desired_replicas{${hpa}})`, legend: "wanted by KEDA" },
            { expr: `max(kube_horizontalpodautoscaler_spec_max_replicas{${hpa}})`, legend: "at most" },
          ],
          alerts: ["ConfabWorkersAtMax"],
        }),
        graph({
          title: "Ends of jobs",
          description: "Failed ones are tried again; stalled means that a worker died or hung.",
          unit: "ops",
          queries: [
            { expr: rate("confab_jobs_total", installation, "queue, outcome"), legend: "{{queue}} {{outcome}}" },
          ],
        }),
        graph({
          title: "Batches woken again, pauses, restarts",
          description:
            "Batches whose wake-up was lost, pauses because the database was unavailable, and consumers that took no jobs although jobs waited. All are 0 on a quiet day.",
          alerts: ["ConfabConsumersRestarted"],
          unit: "ops",
          queries: [
            { expr: rate("confab_batches_requeued_total", installation), legend: "woken again" },
            { expr: rate("confab_store_retries_total", installation), legend: "pauses" },
            { expr: rate("confab_consumer_restarts_total", installation), legend: "consumers restarted" },
          ],
        }),
      ],
    },
    {
      title: "Accepting",
      panels: [
        graph({
          title: "A batch in Redis",
          description: "The way there, the accept script, the fsync, the way back.",
          unit: "s",
          queries: quantiles("confab_accept_duration_seconds", installation),
          badAt: 0.1,
        }),
        graph({
          title: "Waiting for a batch",
          description: "How long a batch's first message waited: it grows when all slots are taken.",
          unit: "s",
          queries: quantiles("confab_accept_wait_seconds", installation),
          badAt: 0.1,
        }),
        graph({
          title: "Batches",
          description: "Messages in a batch on average, batches in flight, messages waiting for one.",
          unit: "short",
          queries: [
            { expr: mean("confab_accept_batch_size", installation), legend: "messages a batch" },
            { expr: `sum(confab_accept_batches_in_flight${n})`, legend: "in flight" },
            { expr: `sum(confab_accept_messages_waiting${n})`, legend: "messages waiting" },
          ],
        }),
      ],
    },
    {
      title: "Storing and indexing",
      panels: [
        graph({
          title: "A storing transaction",
          description: "Rows and counts of several batches, in one transaction.",
          unit: "s",
          queries: quantiles("confab_store_duration_seconds", installation),
          badAt: 1,
        }),
        graph({
          title: "A bulk in the index, a drain",
          description: "A drain takes ranges from the outbox, reads their messages and sends bulks.",
          unit: "s",
          queries: [
            { expr: mean("confab_index_duration_seconds", installation), legend: "bulk, mean" },
            { expr: mean("confab_index_drain_duration_seconds", installation), legend: "drain, mean" },
          ],
          badAt: 2.5,
        }),
        graph({
          title: "Messages at once",
          description:
            "In a transaction and in a bulk, on average: they grow with the load, which is what makes it bearable.",
          unit: "short",
          queries: [
            { expr: mean("confab_store_batch_messages", installation), legend: "a transaction" },
            { expr: mean("confab_index_batch_size", installation), legend: "a bulk" },
          ],
        }),
      ],
    },
    {
      title: "What should not happen",
      panels: [
        stat({
          title: "Dead-lettered, 1 h",
          description: "Messages that the database refused in the last hour; see `confabctl dead-letters`.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_messages_dead_lettered_total${n}[1h]))`, legend: "dead-lettered" }],
          alerts: ["ConfabMessagesDeadLettered"],
          badAt: 1,
        }),
        stat({
          title: "Renumbered, lost, 1 h",
          description:
            "Messages stored under another number than was answered, as Redis had lost data, and batches that Redis lost whole.",
          unit: "none",
          queries: [
            { expr: `sum(increase(confab_messages_renumbered_total${n}[1h]))`, legend: "renumbered" },
            { expr: `sum(increase(confab_batches_lost_total${n}[1h]))`, legend: "batches lost" },
          ],
          badAt: 1,
        }),
        stat({
          title: "Not indexable, 1 h",
          description: "Messages that the index refused; each has an error line in the worker's log.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_messages_index_refused_total${n}[1h]))`, legend: "refused" }],
          badAt: 1,
        }),
        stat({
          title: "Wrong counts, 1 d",
          description: "Counts that differed from COUNT(*) in spot checks; `confabctl counts verify` looks at all.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_counts_wrong_total${n}[1d]))`, legend: "wrong" }],
          badAt: 1,
          alerts: ["ConfabCountsWrong"],
        }),
        stat({
          title: "Index away",
          description: "1 while a worker waits for the search index; what is to be indexed stays in the outbox.",
          unit: "none",
          queries: [{ expr: `max(confab_indexing_paused${n})`, legend: "away" }],
          badAt: 1,
          alerts: ["ConfabStoreUnreachable"],
          width: 8,
        }),
        graph({
          title: "Heads loaded from MySQL, messages replayed, counts checked",
          alerts: ["ConfabHeadsReseeded"],
          width: 24,
          description: "reseed: the head of a known chat was loaded again, as after a restart of Redis.",
          unit: "ops",
          queries: [
            { expr: rate("confab_chat_heads_loaded_total", installation, "reason"), legend: "heads {{reason}}" },
            { expr: rate("confab_messages_replayed_total", installation), legend: "replayed" },
            { expr: rate("confab_counts_checked_total", installation), legend: "counts checked" },
          ],
        }),
      ],
    },
  ],
};
