import { createClient, type Application, type Letter, type Target } from "./client.ts";
import { createHttp } from "./http.ts";
import { createRandom } from "./random.ts";
import { poll, readRecent, searchRecent, type Reader } from "./readers.ts";
import { write, type Pace } from "./writers.ts";
import type { Recorder } from "../history/recorder.ts";

export interface LoadOptions {
  readonly recorder: Recorder;
  readonly seed: number;
  readonly applications: readonly Application[];
  readonly ingest: readonly Target[];
  readonly api: readonly Target[];
  readonly writers: number;
  readonly pace: Pace;
}

export interface Load {
  /** How many messages have been acknowledged so far. */
  acknowledged(): number;
  /**
   * Stops sending new messages and retries unsettled ones for at most `settleMs`. Resolves when all clients have ended.
   */
  stop(settleMs: number): Promise<void>;
}

/** How many of the latest acknowledged messages the readers know. */
const remembered = 40;

/** Starts writers, pollers (one per chat), readers and searchers, each with its own random numbers. */
export function startLoad(options: LoadOptions): Load {
  const { recorder, seed, applications, ingest, api, pace } = options;
  const http = createHttp(() => recorder.now());
  const sending = new AbortController();
  const settling = new AbortController();
  const reading = new AbortController();
  const recent: { letter: Letter; number: number }[] = [];
  let acknowledged = 0;
  let streams = 0;

  const onAcknowledged = (letter: Letter, number: number) => {
    acknowledged += 1;
    recent.push({ letter, number });
    if (recent.length > remembered) recent.shift();
  };
  const reader = (name: string): Reader => {
    const random = createRandom(seed * 1000 + streams++);
    return {
      ...{ client: createClient(name, http, recorder), random, applications, targets: api, signal: reading.signal },
      recent: () => recent.at(-1 - Math.floor(random.next() * Math.min(4, recent.length))),
    };
  };
  const writers = Array.from({ length: options.writers }, (_, index) =>
    write(
      {
        client: createClient(`w${index}`, http, recorder),
        random: createRandom(seed * 1000 + streams++),
        ...{ applications, targets: ingest, pace, onAcknowledged },
        ...{ signal: sending.signal, settling: settling.signal },
      },
      index,
    ),
  );
  const pollers = applications.flatMap((application) =>
    application.chats.map((chat) => poll(reader(`poller-${application.label}${chat}`), application, chat)),
  );
  const readers = [
    readRecent(reader("reader-1")),
    readRecent(reader("reader-2")),
    searchRecent(reader("searcher-1")),
    searchRecent(reader("searcher-2")),
  ];

  return {
    acknowledged: () => acknowledged,
    async stop(settleMs) {
      sending.abort();
      const timer = setTimeout(() => {
        settling.abort();
      }, settleMs);
      await Promise.all(writers);
      clearTimeout(timer);
      reading.abort();
      await Promise.all([...pollers, ...readers]);
      http.close();
    },
  };
}
