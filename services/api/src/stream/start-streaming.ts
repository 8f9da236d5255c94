import type { Access } from "@confab/access";
import type { ApiConfig } from "@confab/config";
import type { MetricCatalogue } from "@confab/metrics";
import type { LiveSignals, PendingMessages } from "@confab/pending";
import type { Logger, Metrics } from "@confab/runtime";
import type { ReadMessages } from "../reading/read-messages.ts";
import type { Repositories } from "../repositories.ts";
import { createContinueAt } from "../reading/continue-at.ts";
import { createChatLookups } from "./chat-lookups.ts";
import { createCoalescedReads } from "./coalesced-reads.ts";
import { createStreamPlaces, streamKinds, streamLimits } from "./limits.ts";
import { createFindMovedChats } from "./moved-chats.ts";
import { createEventPages } from "./pages.ts";
import { createRooms } from "./rooms.ts";
import { createStreams, endReasons } from "./streams.ts";
import { createWaits } from "./waits.ts";

export interface StreamingOptions {
  readonly repositories: Pick<Repositories, "chats" | "changes" | "numberings">;
  readonly pending: PendingMessages;
  readonly readMessages: ReadMessages;
  readonly signals: LiveSignals;
  readonly access: Pick<Access, "watch">;
  readonly metrics: Metrics<MetricCatalogue>;
  readonly config: ApiConfig;
  readonly logger: Logger;
}

/** Creates streams and long polls, and what they share: rooms, places, and reads that several readers join. */
export function startStreaming(options: StreamingOptions) {
  const { pending, readMessages, signals, access, metrics, config, logger } = options;
  const { chats, changes, numberings } = options.repositories;
  const ended = metrics.counter("confab_streams_ended_total");
  const refused = metrics.counter("confab_streams_refused_total");
  // From the start, so that the first one is an increase.
  for (const reason of endReasons) ended.labels({ reason });
  for (const limit of streamLimits) refused.labels({ limit });

  const coalescedReads = createCoalescedReads({
    atOnce: Math.ceil(config.database.poolSize / 2),
    userShare: config.userShare,
  });
  const rooms = createRooms({ signals, coalescedReads, chats });
  const places = createStreamPlaces({
    ...config.streams,
    onRefusal: (limit) => {
      refused.labels({ limit }).inc();
    },
  });
  const lookups = createChatLookups({ chats, pending });
  const continueAt = createContinueAt({ numberings, chats });
  const streams = createStreams({
    pages: createEventPages({ readMessages, changes, continueAt, coalescedReads, logger }),
    findMoved: createFindMovedChats(lookups),
    lastNumbers: lookups.lastNumbers,
    rooms,
    places,
    watchAccess: (principal, onEnd) => access.watch(principal, onEnd),
    onEnd: (reason) => {
      ended.labels({ reason }).inc();
    },
  });
  const open = metrics.gauge("confab_streams");
  for (const kind of streamKinds) open.labels({ kind }).onScrape(() => places.count(kind));

  return {
    coalescedReads,
    lookups,
    continueAt,
    streams,
    waits: createWaits({ rooms, places }),
    stop: () => {
      rooms.stop();
    },
  };
}
