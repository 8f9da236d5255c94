import { setTimeout as sleep } from "node:timers/promises";
import type { EventStream } from "@confab/http";
import { createLogger } from "@confab/runtime";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { encodeFrame, joinFrames } from "./frames.ts";
import { createStreamPlaces } from "./limits.ts";
import type { EventPage } from "./pages.ts";
import type { Listener } from "./room.ts";
import { createStreams, type StreamsOptions } from "./streams.ts";
import type { StreamPosition } from "./position.ts";

const chat = { id: 7n, token: "token", number: 1 };
const logger = createLogger({ level: "info", service: "test" }, { write: () => undefined });

function pageUpTo(last: number, { number, change, numbering }: StreamPosition, isWhole: boolean): EventPage {
  const frames = Array.from({ length: Math.max(0, last - number) }, (_, at) => {
    const next = number + at + 1;
    return encodeFrame("message", next, { from: next, at: { number: next, change, numbering }, isChange: false });
  });
  const next = { number: Math.max(last, number), change, numbering };
  return { ...joinFrames(frames), first: 0, hasChanged: false, next, isWhole, isEnd: true };
}

/** Opens a stream of a chat. Returns it together with the output for its client. */
function openStream(options: Partial<StreamsOptions> = {}) {
  const state = {
    last: 3,
    reads: 0,
    isWhole: true,
    written: "",
    isEnded: false,
    ended: [] as string[],
    hasUnread: false,
  };
  const listeners = new Set<Listener>();
  const places = createStreamPlaces({ total: 1, perApplication: 1, perUser: 100, perAddress: 1 });
  const streams = createStreams({
    pages: {
      read: (_chat, position) => {
        state.reads += 1;
        return Promise.resolve(pageUpTo(state.last, position, state.isWhole));
      },
    },
    findMoved: () => Promise.resolve(new Set<number>()),
    lastNumbers: () => Promise.resolve(undefined),
    rooms: {
      enter: (_, listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    places,
    watchAccess: () => () => undefined,
    onEnd: (reason) => state.ended.push(reason),
    ...options,
  });
  let close: (() => void) | undefined;
  const sink: EventStream = {
    write: (bytes) => {
      state.written += bytes.toString();
      return true;
    },
    hasRoom: () => true,
    hasUnread: () => state.hasUnread,
    cork: () => undefined,
    uncork: () => true,
    drained: () => Promise.resolve(),
    end: () => {
      state.isEnded = true;
      close?.();
    },
  };
  streams.follow({
    token: "token",
    address: "192.0.2.7",
    context: { logger, principal: undefined },
    starts: [{ chat, position: { number: 1, change: 0, numbering: 0 } }],
    isOfMany: false,
    start: (onClose) => {
      close = onClose;
      return sink;
    },
  });
  return { state, streams, listeners, places, leave: () => close?.() };
}

describe("a live stream", () => {
  it("reads again only if a chat has moved beyond its position", async () => {
    const { state, listeners, leave } = openStream();
    await eventually(() => {
      expect(state.written).to.include("caught-up");
    });
    expect(state.written.match(/^id: \d+$/gm)).to.deep.equal(["id: 2", "id: 3", "id: 3"]);
    const [listener] = listeners;
    listener!.wake({ number: 3, change: 0, numbering: 0 });
    expect(state.reads).to.equal(1);
    state.last = 4;
    listener!.wake({ number: 4, change: 0, numbering: 0 });
    await eventually(() => {
      expect(state.written).to.include("id: 4\n");
    });
    expect(state.reads).to.equal(2);
    listener!.wake();
    await eventually(() => {
      expect(state.reads, "it is not known how far").to.equal(3);
    });
    leave();
  });

  it("reads again however soon after its last page something happens", async () => {
    const { state, listeners, leave } = openStream();
    await eventually(() => {
      expect(state.written).to.include("caught-up");
    });
    const [listener] = listeners;
    for (let ticks = 0; ticks < 12; ticks += 1) {
      state.reads = 0;
      listener!.wake();
      // Within this many turns of the promise queue, the stream's read is answered and the stream becomes idle.
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      const { reads } = state;
      listener!.wake();
      await sleep(5);
      expect(state.reads, `after ${ticks} ticks`).to.be.above(reads);
    }
    leave();
  });

  it("reads again by itself after messages could not be read", async () => {
    const { state, leave } = openStream();
    state.isWhole = false;
    await eventually(() => {
      expect(state.reads).to.be.above(1);
    });
    state.isWhole = true;
    state.last = 4;
    await eventually(() => {
      expect(state.written).to.include("id: 4\n");
    });
    leave();
  });

  it("shows signs of life", async () => {
    const { state, leave } = openStream({ heartbeatMs: 1 });
    await eventually(() => {
      expect(state.written).to.match(/(:\n\n){2}$/);
    });
    leave();
  });

  it("shows none to a client that has something to read, so that a client that reads nothing is noticed", async () => {
    const { state, leave } = openStream({ heartbeatMs: 1 });
    await eventually(() => {
      expect(state.written).to.match(/(:\n\n){2}$/);
    });
    state.hasUnread = true;
    const { length } = state.written;
    await sleep(1_500);
    expect(state.written).to.have.length(length);
    leave();
  });

  it("ends once, with the reason, when it is old", async () => {
    const { state, streams, listeners, places } = openStream({ rotationMs: 1 });
    expect([streams.count(), places.count("chat")]).to.deep.equal([1, 1]);
    await eventually(() => {
      expect(state.isEnded).to.equal(true);
    });
    expect(state.written).to.match(/^retry: \d+\nevent: goodbye\ndata: {"reason":"rotation","retry_ms":\d+}\n\n$/m);
    expect(state.ended).to.deep.equal(["rotation"]);
    expect([streams.count(), places.count("chat"), listeners.size]).to.deep.equal([0, 0, 0]);
    const { written } = state;
    await streams.stop(0);
    expect(state.written).to.equal(written);
  });

  it("leaves everything when its client leaves", async () => {
    const { state, streams, listeners, places, leave } = openStream();
    leave();
    expect(state.ended).to.deep.equal(["client"]);
    expect([streams.count(), places.count("chat"), listeners.size]).to.deep.equal([0, 0, 0]);
    await streams.stop(0);
    expect(state.written, "nothing is written afterwards").to.equal("");
  });
});
