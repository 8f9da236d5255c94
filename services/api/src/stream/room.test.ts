import { setTimeout as sleep } from "node:timers/promises";
import type { LiveEvent } from "@confab/pending";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { Room, type Listener } from "./room.ts";
import type { StreamPosition } from "./position.ts";

const chat = { id: 7n, token: "token", number: 1 };
const signalOf = (sender: string): LiveEvent => ({ type: "signal", sender, name: "typing", data: null });

/** Opens a room with a listener that records the news it receives. */
function openRoom(others: Listener[] = []) {
  const room = new Room(chat);
  const received: unknown[] = [];
  for (const other of others) room.add(other);
  room.add({
    wake: (upTo) => received.push(["wake", upTo?.number]),
    show: ({ events, bytes }) => {
      expect(bytes.toString()).to.equal(events.map((event) => event.bytes.toString()).join(""));
      received.push(["show", events.length]);
    },
    end: (reason) => received.push(["end", reason]),
  });
  return { room, received };
}

describe("a room", () => {
  it("passes on the first news at once, and signals that follow it shortly together", async () => {
    const { room, received } = openRoom();
    room.show(signalOf("anna"));
    expect(received).to.deep.equal([["show", 1]]);
    for (let at = 1; at <= 50; at += 1) room.show(signalOf(`reader ${at}`));
    room.wake();
    expect(received.slice(1), "messages do not wait for signals").to.deep.equal([["wake", undefined]]);
    room.show(signalOf("reader 1"));
    await eventually(() => {
      expect(received.slice(2)).to.deep.equal([["show", 50]]);
    });
  });

  it("wakes a few listeners each time, without a delay", () => {
    const { room, received } = openRoom();
    for (let at = 1; at <= 3; at += 1) room.wake();
    expect(received).to.have.length(3);
  });

  it("wakes many once for what happens while they are woken and shortly afterwards", async () => {
    const crowd = Array.from({ length: 2_000 }, (): Listener => ({ wake: () => undefined }));
    const { room, received } = openRoom(crowd);
    const position = (number: number): StreamPosition => ({ number, change: 0, numbering: 1 });
    room.wake(position(1));
    await eventually(() => {
      expect(received).to.deep.equal([["wake", 1]]);
    });
    for (let number = 2; number <= 5; number += 1) room.wake(position(number));
    expect(received).to.have.length(1);
    await eventually(() => {
      expect(received.slice(1)).to.deep.equal([["wake", 5]]);
    });
    room.wake();
    room.wake(position(6));
    await eventually(() => {
      expect(received.slice(2), "how far is not known").to.deep.equal([["wake", undefined]]);
    });
  });

  it("with many listeners delays neither its process nor the rooms of other applications", async () => {
    let count = 0;
    const slow: Listener = {
      wake: () => {
        count += 1;
        for (const until = performance.now() + 0.1; performance.now() < until;);
      },
    };
    const large = new Room(chat);
    for (let at = 0; at < 1_000; at += 1) large.add({ ...slow });
    const small = new Room({ id: 8n, token: "other", number: 1 });
    let seen: number | undefined;
    small.add({ wake: () => (seen = count) });
    large.wake();
    expect(count, "a slice").to.be.within(1, 100);
    small.wake();
    await sleep(0);
    await eventually(() => {
      expect(seen).to.be.below(200);
    });
    await eventually(() => {
      expect(count).to.equal(1_000);
    });
  });

  it("ends its listeners after the rest of its news", () => {
    const { room, received } = openRoom();
    room.end("deleted");
    room.show({ type: "end", reason: "access-ended" });
    expect(received).to.deep.equal([
      ["end", "deleted"],
      ["end", "access-ended"],
    ]);
  });
});
