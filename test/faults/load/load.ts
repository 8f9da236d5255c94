import { createClient, type Application, type Letter, type Target } from "./client.ts";
import { createHttp } from "./http.ts";
import { createRandom } from "./random.ts";
import { look, poll, seek, type Reader } from "./readers.ts";
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
  /** How many messages have been acknowledged until now. */
  acknowledged(): number;
  /** Sends nothing new; what is unknown is settled for at most so long. Resolves when all clients have ended. */
  stop(settleMs: number): Promise<void>;
}

/** Messages that readers look for: those acknowledged most recently. */
const remembered = 40;

/** Writers, pollers (one for each chat), lookers and seekers, each with random numbers of its own. */
export function startLoad(options: LoadOptions): Load {
  const { recorder, seed, applications, ingest, api, pace } = options;
  const http = createHttp(() => recorder.now());
  const going = new AbortController();
  const patience = new AbortController();
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
  const writers = Array.from({ length: options.writers }, (_, place) =>
    write(
      {
        client: createClient(`w${place}`, http, recorder),
        random: createRandom(seed * 1000 + streams++),
        ...{ applications, targets: ingest, pace, onAcknowledged },
        ...{ signal: going.signal, patience: patience.signal },
      },
      place,
    ),
  );
  const pollers = applications.flatMap((application) =>
    application.chats.map((chat) => poll(reader(`poller-${application.label}${chat}`), application, chat)),
  );
  const readers = [
    look(reader("looker-1")),
    look(reader("looker-2")),
    seek(reader("seeker-1")),
    seek(reader("seeker-2")),
  ];

  return {
    acknowledged: () => acknowledged,
    async stop(settleMs) {
      going.abort();
      const timer = setTimeout(() => {
        patience.abort();
      }, settleMs);
      await Promise.all(writers);
      clearTimeout(timer);
      reading.abort();
      await Promise.all([...pollers, ...readers]);
      http.close();
    },
  };
}
