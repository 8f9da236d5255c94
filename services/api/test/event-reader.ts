import { eventually } from "@confab/testkit";
import { expect } from "chai";

export interface ReceivedEvent {
  id: string | undefined;
  event: string;
  data: Record<string, unknown>;
}

export type EventReader = Awaited<ReturnType<typeof openStream>>;

/** Reads a stream of server-sent events until `close`. */
export async function openStream(url: string, headers: Record<string, string> = {}) {
  const ending = new AbortController();
  const response = await fetch(url, { headers, signal: ending.signal });
  expect(response.status, response.status === 200 ? "" : await response.clone().text()).to.equal(200);
  expect(response.headers.get("content-type")).to.equal("text/event-stream; charset=utf-8");
  const events: ReceivedEvent[] = [];
  const state = { lastId: undefined as string | undefined, isOver: false };
  const reading = read(response, events, state).catch(() => undefined);

  return {
    events,
    headers: response.headers,
    /** Returns the id of the last event. A client reconnects with it. */
    lastId: () => state.lastId,
    isOver: () => state.isOver,
    /** Waits until the events satisfy a condition. */
    until: (condition: (events: readonly ReceivedEvent[]) => boolean) =>
      eventually(() =>
        expect(condition(events), JSON.stringify(events.map(({ id, event }) => `${event} ${id}`))).to.equal(true),
      ),
    async close() {
      ending.abort();
      await reading;
    },
  };
}

async function read(
  response: Response,
  events: ReceivedEvent[],
  state: { lastId: string | undefined; isOver: boolean },
): Promise<void> {
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = `${rest}${chunk}`.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").flatMap((line): [string, string][] => {
          const at = line.indexOf(": ");
          return at > 0 ? [[line.slice(0, at), line.slice(at + 2)]] : [];
        }),
      );
      const event = fields.get("event");
      if (event === undefined) continue;
      const id = fields.get("id");
      state.lastId = id ?? state.lastId;
      events.push({ id, event, data: JSON.parse(fields.get("data")!) as Record<string, unknown> });
    }
  }
  state.isOver = true;
}
