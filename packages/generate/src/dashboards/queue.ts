import { graph, stat, type DashboardPlan } from "../panel.ts";
import { installation, mean, quantiles, rate, shared } from "../queries.ts";

const n = `{${installation}}`;
const hpa = `${installation},horizontalpodautoscaler=~".*-worker"`;

export const queue: DashboardPlan = {
  uid: "confab-queue",
  title: "Confab / Queue and workers",
  description: "From the accept script to the search index: batches, jobs, transactions, bulk requests and workers.",
  rows: [
    {
      title: "Backlog",
      panels: [
        graph({
          title: "Jobs by state",
          description:
            "A job stands for a batch of 1 to 128 messages. KEDA scales on pending messages and their age, not on jobs.",
          unit: "short",
          queries: [{ expr: shared("confab_queue_jobs", "queue, state"), legend: "{{queue}} {{state}}" }],
          alerts: ["ConfabQueueGrowing"],
          noValue: "unknown: Redis is not reached",
        }),
        graph({
          title: "Age of the oldest",
          description: "The oldest job, the oldest pending batch, and the oldest range that waits for the index.",
          unit: "s",
          queries: [
            { expr: shared("confab_queue_oldest_job_age_seconds", "queue"), legend: "job in {{queue}}" },
            { expr: shared("confab_pending_oldest_age_seconds"), legend: "pending batch" },
            { expr: shared("confab_outbox_oldest_age_seconds"), legend: "range to be indexed" },
          ],
          warnAt: 10,
          badAt: 60,
          alerts: ["ConfabOldestPendingTooOld", "ConfabSearchLagHigh"],
        }),
        graph({
          title: "Search outbox",
          description:
            "Ranges of messages that wait to be indexed. It grows while the index is unavailable; nothing is lost.",
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
          title: "Number of workers",
          description:
            "Running, wanted by the autoscaler, and its maximum. At the maximum for long: raise it, or see whether MySQL is the limit. Needs kube-state-metrics.",
          unit: "short",
          queries: [
            { expr: `count(confab_build_info{${installation},service="worker"})`, legend: "running" },
            { expr: `max(kube_horizontalpodautoscaler_status_desired_replicas{${hpa}})`, legend: "wanted" },
            { expr: `max(kube_horizontalpodautoscaler_spec_max_replicas{${hpa}})`, legend: "maximum" },
          ],
          alerts: ["ConfabWorkersAtMax"],
        }),
        graph({
          title: "Jobs by outcome",
          description:
            "failed: retried unless the payload is invalid. stalled: a worker died or hung, and another takes the job.",
          unit: "ops",
          queries: [
            { expr: rate("confab_jobs_total", installation, "queue, outcome"), legend: "{{queue}} {{outcome}}" },
          ],
          alerts: ["ConfabJobsFailing"],
          explore: ["logs"],
        }),
        graph({
          title: "Requeued batches, retries, restarts",
          description:
            "Batches whose job was lost, backoffs because a store was unavailable, and consumers that took no jobs although jobs waited. All are 0 normally.",
          alerts: ["ConfabConsumersRestarted"],
          unit: "ops",
          queries: [
            { expr: rate("confab_batches_requeued_total", installation), legend: "requeued batches" },
            { expr: rate("confab_store_retries_total", installation), legend: "storing retries" },
            { expr: rate("confab_consumer_restarts_total", installation), legend: "consumer restarts" },
          ],
        }),
      ],
    },
    {
      title: "Accepting",
      panels: [
        graph({
          title: "Time of a batch in Redis",
          description: "Network, accept script and fsync.",
          unit: "s",
          queries: quantiles("confab_accept_duration_seconds", installation),
          badAt: 0.1,
        }),
        graph({
          title: "Wait for a batch",
          description: "How long the first message of a batch waited. It grows when too many batches are in flight.",
          unit: "s",
          queries: quantiles("confab_accept_wait_seconds", installation),
          badAt: 0.1,
        }),
        graph({
          title: "Batches",
          description: "Mean messages per batch, batches in flight, and messages that wait for a batch.",
          unit: "short",
          queries: [
            { expr: mean("confab_accept_batch_size", installation), legend: "messages per batch" },
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
          title: "Storing transaction",
          description: "Duration of a transaction with the rows and counts of several batches.",
          unit: "s",
          queries: quantiles("confab_store_duration_seconds", installation),
          badAt: 1,
        }),
        graph({
          title: "Bulk request and drain",
          description:
            "Mean duration of a bulk request, and of a drain: take ranges from the outbox, read their messages, index them.",
          unit: "s",
          queries: [
            { expr: mean("confab_index_duration_seconds", installation), legend: "bulk, mean" },
            { expr: mean("confab_index_drain_duration_seconds", installation), legend: "drain, mean" },
          ],
          badAt: 2.5,
        }),
        graph({
          title: "Messages per transaction and bulk request",
          description: "Means. They grow with the load, which makes each message cheaper.",
          unit: "short",
          queries: [
            { expr: mean("confab_store_batch_messages", installation), legend: "per transaction" },
            { expr: mean("confab_index_batch_size", installation), legend: "per bulk request" },
          ],
        }),
      ],
    },
    {
      title: "Should be 0",
      panels: [
        stat({
          title: "Dead-lettered, 1 h",
          description: "Messages that could not be stored in the last hour; see `confabctl dead-letters`.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_messages_dead_lettered_total${n}[1h]))`, legend: "dead-lettered" }],
          alerts: ["ConfabMessagesDeadLettered"],
          badAt: 1,
        }),
        stat({
          title: "Renumbered and lost, 1 h",
          description:
            "Messages that were stored under another number than their sender knows, and batches that Redis lost. Both happen only after Redis lost data.",
          unit: "none",
          queries: [
            { expr: `sum(increase(confab_messages_renumbered_total${n}[1h]))`, legend: "renumbered" },
            { expr: `sum(increase(confab_batches_lost_total${n}[1h]))`, legend: "lost batches" },
          ],
          badAt: 1,
          alerts: ["ConfabMessagesRenumbered", "ConfabBatchesLost"],
        }),
        stat({
          title: "Refused by the index, 1 h",
          description: "Messages that no search finds. The worker logs an error for each.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_messages_index_refused_total${n}[1h]))`, legend: "refused" }],
          badAt: 1,
          alerts: ["ConfabIndexRefusesMessages"],
        }),
        stat({
          title: "Wrong counts, 1 d",
          description: "Counts that differed from their rows in spot checks; `confabctl counts verify` compares all.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_counts_wrong_total${n}[1d]))`, legend: "wrong" }],
          badAt: 1,
          alerts: ["ConfabCountsWrong"],
        }),
        stat({
          title: "Indexing",
          description: "Paused while the search index or MySQL is unavailable. Messages wait in the search outbox.",
          unit: "none",
          queries: [{ expr: `max(confab_indexing_paused${n})`, legend: "paused" }],
          noValue: "no worker",
          states: { 0: { text: "running", color: "green" }, 1: { text: "paused", color: "red" } },
          alerts: ["ConfabStoreUnreachable"],
        }),
        stat({
          title: "Index created empty, 6 h",
          description:
            "Times that the search index was missing. Searches miss older messages until they are indexed again.",
          unit: "none",
          queries: [{ expr: `sum(increase(confab_index_recreated_total${n}[6h]))`, legend: "created empty" }],
          badAt: 1,
          alerts: ["ConfabIndexRecreated"],
        }),
        graph({
          title: "Chat heads loaded, messages replayed or indexed again, counts checked, batches of a newer version",
          alerts: ["ConfabHeadsReseeded", "ConfabIndexIncomplete"],
          width: 24,
          description:
            "reseed: the last number of a known chat was loaded from MySQL again, as after a restart of Redis. Indexed again: the reconciliation found the message missing from the index. Left: a newer version of Confab accepted the batch, and only its workers store it.",
          unit: "ops",
          queries: [
            { expr: rate("confab_chat_heads_loaded_total", installation, "reason"), legend: "heads {{reason}}" },
            { expr: rate("confab_messages_replayed_total", installation), legend: "messages replayed" },
            { expr: rate("confab_counts_checked_total", installation), legend: "counts checked" },
            { expr: rate("confab_index_missing_total", installation), legend: "messages indexed again" },
            { expr: rate("confab_batches_newer_total", installation), legend: "batches left to a newer version" },
          ],
        }),
      ],
    },
    {
      title: "Erasures and retention",
      panels: [
        graph({
          title: "Oldest erasure",
          description: "Time since the oldest deletion that is not erased from every store yet.",
          width: 8,
          unit: "s",
          queries: [{ expr: shared("confab_erasures_oldest_age_seconds"), legend: "oldest" }],
          warnAt: 600,
          badAt: 3_600,
          alerts: ["ConfabErasureStuck"],
        }),
        graph({
          title: "Finished erasures, dropped and expired messages",
          description:
            "Messages are dropped if their chat was deleted after they were accepted. Retention deletes those that are over the limit of their age.",
          width: 8,
          unit: "ops",
          queries: [
            { expr: rate("confab_erasures_finished_total", installation), legend: "finished erasures" },
            { expr: rate("confab_messages_erased_total", installation), legend: "dropped messages" },
            { expr: rate("confab_messages_expired_total", installation), legend: "messages over their limit" },
          ],
        }),
        graph({
          title: "Retention behind",
          description:
            "By how much the oldest message that should be deleted exceeds the limit of its age, and the time since a worker last looked.",
          width: 8,
          unit: "s",
          queries: [
            { expr: shared("confab_retention_behind_seconds"), legend: "behind" },
            { expr: shared("confab_retention_check_age_seconds"), legend: "last look" },
          ],
          warnAt: 7_200,
          badAt: 86_400,
          alerts: ["ConfabRetentionBehind"],
        }),
      ],
    },
  ],
};
