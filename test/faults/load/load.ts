import { createClient, type Application, type Letter, type Target } from "./client.ts";
import { createDoom } from "./doom.ts";
import { change } from "./editors.ts";
import { createHttp } from "./http.ts";
import { createRandom } from "./random.ts";
import { createRecent } from "./recent.ts";
import { poll, readRecent, searchRecent, type Reader } from "./readers.ts";
import { follow, type Progress } from "./stream-readers.ts";
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
  /** Whose names the messages have. */
  readonly senders: readonly string[];
  /** How long the doomed chat lives. */
  readonly doomAfterMs: number;
}

export interface Load {
  /** How many messages have been acknowledged so far. */
  acknowledged(): number;
  /**
   * Stops sending new messages and retries unsettled ones for at most `settleMs`. Resolves when all clients but the readers of
   * streams have ended.
   */
  stop(settleMs: number): Promise<void>;
  /** How far the readers of streams have come. */
  progress(): Progress[];
  /** Ends the readers of streams. */
  stopStreams(): Promise<void>;
}

const editors = 4;

/**
 * Starts writers, editors, pollers and readers of streams (one of each per chat), other readers and searchers, each with its own
 * random numbers.
 */
export function startLoad(options: LoadOptions): Load {
  const { recorder, seed, applications, ingest, api, pace, senders } = options;
  const http = createHttp(() => recorder.now());
  const sending = new AbortController();
  const settling = new AbortController();
  const reading = new AbortController();
  const streaming = new AbortController();
  const recent = createRecent();
  let acknowledged = 0;
  let randoms = 0;
  const nextRandom = () => createRandom(seed * 1000 + randoms++);

  const onAcknowledged = (letter: Letter, number: number) => {
    acknowledged += 1;
    recent.add(letter, number);
  };
  const reader = (name: string): Reader => {
    const random = nextRandom();
    return {
      client: createClient(name, http, recorder),
      random,
      applications,
      targets: api,
      signal: reading.signal,
      recent: () => recent.newest(random),
    };
  };
  const doom = createDoom({
    client: createClient("eraser", http, recorder),
    random: createRandom(seed),
    applications,
    targets: api,
    afterMs: options.doomAfterMs,
    signal: settling.signal,
  });
  const writers = Array.from({ length: options.writers }, (_, index) =>
    write(
      {
        client: createClient(`w${index}`, http, recorder),
        random: nextRandom(),
        applications,
        targets: ingest,
        pace,
        senders,
        pickChat: doom.pickChat,
        onAcknowledged,
        signal: sending.signal,
        settling: settling.signal,
      },
      index,
    ),
  );
  const ofEachChat = <T>(start: (application: Application, chat: number) => T): T[] =>
    applications.flatMap((application) => chatsOf(application).map((chat) => start(application, chat)));
  const pollers = ofEachChat((application, chat) =>
    poll(reader(`poller-${application.label}${chat}`), application, chat),
  );
  const readers = [
    readRecent(reader("reader-1")),
    readRecent(reader("reader-2")),
    searchRecent(reader("searcher-1")),
    searchRecent(reader("searcher-2")),
  ];
  const changing = Array.from({ length: editors }, (_, index) =>
    change({
      client: createClient(`editor-${index + 1}`, http, recorder),
      random: nextRandom(),
      targets: api,
      signal: sending.signal,
      recent,
    }),
  );
  const streams = ofEachChat((application, chat) =>
    follow({
      name: `follower-${application.label}${chat}`,
      recorder,
      random: nextRandom(),
      targets: api,
      application,
      chat,
      signal: streaming.signal,
    }),
  );

  return {
    acknowledged: () => acknowledged,
    async stop(settleMs) {
      sending.abort();
      const timer = setTimeout(() => {
        settling.abort();
      }, settleMs);
      await Promise.all([...writers, ...changing, doom.ended]);
      clearTimeout(timer);
      reading.abort();
      await Promise.all([...pollers, ...readers]);
      http.close();
    },
    progress: () => streams.map(({ progress }) => progress()),
    async stopStreams() {
      streaming.abort();
      await Promise.all(streams.map(({ ended }) => ended));
    },
  };
}

function chatsOf({ chats, doomed }: Application): readonly number[] {
  return doomed === undefined ? chats : [...chats, doomed];
}
