import type { LastNumbers } from "@confab/database";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { createRooms } from "./rooms.ts";
import type { StreamPosition } from "./position.ts";

const chat = { id: 7n, token: "token", number: 1 };

describe("rooms", () => {
  it("pass on how far a chat has moved without a signal, once, and that it was deleted", async () => {
    let position: LastNumbers | undefined = {
      lastMessageNumber: 5,
      lastChangeNumber: 2,
      lastNumbering: 1,
    };
    let looks = 0;
    const rooms = createRooms({
      lookMs: 5,
      coalescedReads: { forget: () => undefined },
      signals: { watch: () => () => undefined },
      chats: {
        lastNumbers: (ids) => {
          looks += 1;
          return Promise.resolve(new Map(position && ids.map((id) => [id, position!])));
        },
      },
    });
    const woken: (StreamPosition | undefined)[] = [];
    let endReason: string | undefined;
    rooms.enter(chat, {
      wake: (upTo) => woken.push(upTo),
      end: (reason) => {
        endReason = reason;
      },
    });
    await eventually(() => {
      expect(looks).to.be.above(3);
    });
    expect(woken).to.deep.equal([{ number: 5, change: 2, numbering: 1 }]);
    position = undefined;
    await eventually(() => {
      expect(endReason).to.equal("deleted");
    });
    rooms.stop();
  });
});
