import { expect } from "chai";
import { createStreamPlaces } from "./limits.ts";
import type { Listener } from "./room.ts";
import { createWaits } from "./waits.ts";

const chat = { id: 7n, token: "token", number: 1 };

/** Opens a room and starts a wait in it. */
function openRoom() {
  const listeners = new Set<Listener>();
  const waits = createWaits({
    places: createStreamPlaces({ total: 1, perApplication: 1, perUser: 100, perAddress: 1 }),
    rooms: {
      enter: (_, listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  });
  const leaving = new AbortController();
  let reads = 0;
  const items: string[] = [];
  const answer = waits.until(
    { chat, user: undefined, address: "192.0.2.7", forMs: 60_000, left: leaving.signal },
    () => {
      reads += 1;
      return Promise.resolve({ items: [...items] });
    },
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { listeners, waits, leaving, items, answer, settle, reads: () => reads };
}

describe("a request that waits for messages", () => {
  it("reads once, and then once for each time that something happens", async () => {
    const { listeners, items, answer, settle, reads } = openRoom();
    await settle();
    expect(reads()).to.equal(1);
    for (const listener of listeners) listener.wake();
    await settle();
    expect(reads(), "something happened, but no message").to.equal(2);
    items.push("message");
    for (const listener of listeners) listener.wake();
    expect(await answer).to.deep.equal({ items: ["message"] });
    expect([reads(), listeners.size]).to.deep.equal([3, 0]);
  });

  it("ends when its client leaves, the chat vanishes or the process stops", async () => {
    const ends = [
      ({ leaving }: ReturnType<typeof openRoom>) => {
        leaving.abort();
      },
      ({ listeners }: ReturnType<typeof openRoom>) => {
        for (const listener of listeners) listener.end?.("deleted");
      },
      ({ waits }: ReturnType<typeof openRoom>) => {
        waits.stop(0);
      },
    ];
    for (const end of ends) {
      const room = openRoom();
      await room.settle();
      end(room);
      expect(await room.answer).to.deep.equal({ items: [] });
      expect([room.waits.count(), room.listeners.size]).to.deep.equal([0, 0]);
    }
  });
});
