import { setTimeout as pause } from "node:timers/promises";

/** An event that the reader received. */
export interface SeenEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A reader that reconnects with its last id whenever its connection ends, like a browser. */
export interface Following {
  readonly events: SeenEvent[];
  /** Returns how often the reader has reconnected. */
  returns(): number;
  /** Drops the connection. The reader reconnects at once. */
  drop(): void;
  stop(): Promise<void>;
}

/** Follows a stream from the beginning. */
export function follow(url: string): Following {
  const events: SeenEvent[] = [];
  let lastId: string | undefined;
  let connections = 0;
  const state = { isStopped: false };
  let connection = new AbortController();

  async function readOnce(): Promise<void> {
    connection = new AbortController();
    const headers = lastId === undefined ? {} : { "Last-Event-ID": lastId };
    const response = await fetch(url, { headers, signal: connection.signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 503) return;
      throw new Error(`The stream was answered ${response.status}`);
    }
    connections += 1;
    let rest = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = `${rest}${chunk}`.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
        const [event, data, id] = [field("event"), field("data"), field("id")];
        if (event === undefined || data === undefined) continue;
        lastId = id ?? lastId;
        events.push({ id, event, data: JSON.parse(data) as SeenEvent["data"] });
      }
    }
  }

  const reading = (async () => {
    while (!state.isStopped) {
      await readOnce().catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith("The stream was answered")) throw error;
      });
      await pause(20);
    }
  })();

  return {
    events,
    returns: () => Math.max(0, connections - 1),
    drop: () => {
      connection.abort();
    },
    async stop() {
      state.isStopped = true;
      connection.abort();
      await reading;
    },
  };
}

/** Returns the faults in the events of a chat: skipped numbers, and numbers and changes that came twice or too late. */
export function faultsOf(events: readonly SeenEvent[]): { holes: string[]; repeats: string[] } {
  const [holes, repeats]: [string[], string[]] = [[], []];
  let number = 0;
  let change = 0;
  for (const { event, data } of events) {
    if (event === "message" || event === "gap") {
      const [from, to] =
        event === "gap" ? [Number(data.from), Number(data.to)] : [Number(data.number), Number(data.number)];
      if (from > number + 1) holes.push(`${number + 1} to ${from - 1}`);
      if (from <= number) repeats.push(`${event} ${from}`);
      number = Math.max(number, to);
    } else if (event === "edited" || event === "deleted") {
      if (Number(data.change_number) <= change) repeats.push(`change ${Number(data.change_number)}`);
      change = Math.max(change, Number(data.change_number));
    }
  }
  return { holes, repeats };
}
