import type { AlertCase } from "./alert-case.ts";
import { page, ticket, unreachable } from "./labels.ts";

/** Cases of the alerts about accepting and storing messages. */
export const messageCases: Readonly<Record<string, AlertCase>> = {
  ConfabOldestPendingTooOld: {
    // From the second minute on, the age is over a minute.
    fires: [{ series: ['confab_pending_oldest_age_seconds{namespace="chat"} 0+60x30'], after: 4, labels: page }],
    silent: [
      { series: ["confab_pending_oldest_age_seconds 60x30"] },
      { series: ["confab_pending_oldest_age_seconds 0 70 70 50 70 70 50x25"] },
      // MySQL is unavailable, which its own alert reports.
      { series: ['confab_pending_oldest_age_seconds{namespace="chat"} 0+60x30', unreachable("database")] },
    ],
  },
  ConfabQueueGrowing: {
    fires: [
      {
        // Each replica shows the same backlog.
        series: [
          'confab_messages_pending{namespace="chat",instance="a"} 0+1200x60',
          'confab_messages_pending{namespace="chat",instance="b"} 0+1200x60',
        ],
        labels: ticket,
      },
    ],
    silent: [
      { series: ["confab_messages_pending 20000+540x60"], after: 60 },
      // The backlog grows fast, but stops before it is large.
      { series: ["confab_messages_pending 0+1200x7 8400x50"], after: 58 },
      // The backlog gets large fast, but is stored within the ten minutes.
      { series: ["confab_messages_pending 0+3000x8 24000-3000x8 0x40"], after: 57 },
      { series: ["confab_messages_pending 100000-1000x60"], after: 60 },
      // Two replicas that both show 6,000 do not add up to 12,000.
      {
        series: [
          'confab_messages_pending{instance="a"} 0+700x8 6000+1x40',
          'confab_messages_pending{instance="b"} 0+700x8 6000+1x40',
        ],
      },
    ],
  },
  ConfabConsumersRestarted: {
    fires: [{ series: ['confab_consumer_restarts_total{namespace="chat"} 0 0 4x30'], after: 5, labels: ticket }],
    silent: [
      // A host vanished, and one worker noticed it.
      { series: ["confab_consumer_restarts_total 0 0 1x40"] },
      { series: ["confab_consumer_restarts_total 100x40"] },
    ],
  },
  ConfabMessagesDeadLettered: {
    fires: [{ series: ['confab_dead_letters{namespace="chat"} 0 0 1x30'], after: 3, labels: ticket }],
    silent: [
      { series: ["confab_dead_letters 0x30"] },
      // The dead letter was dropped or retried within a minute.
      { series: ["confab_dead_letters 0 1 0x28"] },
    ],
  },
  ConfabHeadsReseeded: {
    fires: [
      {
        series: [
          'confab_chat_heads_loaded_total{reason="reseed",namespace="chat"} 0x20 500x10',
          'confab_messages_accepted_total{namespace="chat"} 0+100x30',
        ],
        after: 26,
        labels: ticket,
      },
      // Only together do the two replicas exceed a twentieth of the accepted messages.
      {
        series: [
          'confab_messages_accepted_total{namespace="chat",instance="a"} 0+300x30',
          'confab_chat_heads_loaded_total{reason="reseed",namespace="chat",instance="a"} 0x20 80x10',
          'confab_chat_heads_loaded_total{reason="reseed",namespace="chat",instance="b"} 0x20 80x10',
        ],
        after: 26,
        labels: ticket,
      },
    ],
    silent: [
      {
        series: ['confab_chat_heads_loaded_total{reason="reseed"} 0x20 80x10', "confab_messages_accepted_total 0+8x30"],
      },
      // Many chats are used again after a week, but they are few compared with the accepted messages.
      {
        series: ['confab_chat_heads_loaded_total{reason="reseed"} 0+40x30', "confab_messages_accepted_total 0+1000x30"],
      },
      { series: ['confab_chat_heads_loaded_total{reason="new"} 0+1000x30'] },
    ],
  },
  ConfabCountsWrong: {
    fires: [
      {
        series: ['confab_counts_wrong_total{count="messages_count",namespace="chat"} 0x10 1x20'],
        after: 12,
        labels: { ...ticket, count: "messages_count" },
      },
      // A worker has just started, and found the wrong count at once.
      {
        series: ['confab_counts_wrong_total{count="messages_count",namespace="chat"} _x10 1x20'],
        after: 12,
        labels: { ...ticket, count: "messages_count" },
      },
    ],
    silent: [
      { series: ['confab_counts_wrong_total{count="messages_count"} 0x70'], after: 70 },
      { series: ['confab_counts_checked_total{count="messages_count"} 0+20x30'] },
    ],
  },
  ConfabMessagesRenumbered: {
    fires: [
      { series: ['confab_messages_renumbered_total{namespace="chat"} 0x10 1x20'], after: 12, labels: page },
      // A worker renumbered messages before its first scrape.
      { series: ['confab_messages_renumbered_total{namespace="chat"} _x10 3x20'], after: 12, labels: page },
    ],
    silent: [
      { series: ["confab_messages_renumbered_total 0x70"], after: 70 },
      { series: ["confab_messages_stored_total 0+100x30"] },
    ],
  },
  ConfabIdempotencyKeysHigh: {
    fires: [
      {
        series: ['confab_top_application_keys_used_ratio{namespace="chat",application="c7d713f8"} 0.71x20'],
        after: 6,
        labels: { ...ticket, application: "c7d713f8" },
      },
    ],
    silent: [
      {
        series: ['confab_top_application_keys_used_ratio{namespace="chat",application="c7d713f8"} 0.69x20'],
        after: 10,
      },
    ],
  },
  ConfabBatchesLost: {
    fires: [{ series: ['confab_batches_lost_total{namespace="chat"} 0x10 2x20'], after: 12, labels: page }],
    silent: [
      { series: ["confab_batches_lost_total 0x70"], after: 70 },
      // A requeued batch is not lost.
      { series: ["confab_batches_requeued_total 0+10x30"] },
    ],
  },
  ConfabJobsFailing: {
    fires: [
      {
        series: ['confab_jobs_total{namespace="chat",queue="messages",outcome="failed"} 0+1x30'],
        after: 20,
        labels: { ...ticket, queue: "messages" },
      },
    ],
    silent: [
      // A few jobs fail within a moment, for example because a transaction loses a race.
      { series: ['confab_jobs_total{queue="messages",outcome="failed"} 0x10 4x20'] },
      // Many jobs fail at once, but it is over within the five minutes that the alert waits.
      { series: ['confab_jobs_total{queue="messages",outcome="failed"} 0x10 5x20'] },
      { series: ['confab_jobs_total{queue="messages",outcome="completed"} 0+1000x30'] },
      { series: ['confab_jobs_total{queue="messages",outcome="stalled"} 0+100x30'] },
    ],
  },
};
