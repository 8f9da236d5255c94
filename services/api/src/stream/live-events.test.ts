import { expect } from "chai";
import { createLiveEvents, toShown, type ShownEvent } from "./live-events.ts";

const textOf = (events: readonly ShownEvent[]) =>
  events.map(({ bytes }) => JSON.parse(/^data: (.*)$/m.exec(String(bytes))![1]!) as object);

describe("the events of a stream that are not kept", () => {
  it("are only the latest of each reader and chat, however many there are", () => {
    const events = createLiveEvents();
    for (let number = 1; number <= 1_000; number += 1) {
      events.add(toShown(1, { type: "read", reader: "anna", number }));
      events.add(toShown(2, { type: "read", reader: "anna", number: 2 * number }));
    }
    expect(textOf(events.take(() => true))).to.deep.equal([
      { chat_number: 1, reader: "anna", number: 1_000 },
      { chat_number: 2, reader: "anna", number: 2_000 },
    ]);
    expect(events.take(() => true)).to.deep.equal([]);
  });

  it("wait for the messages of their chat", () => {
    const events = createLiveEvents();
    events.add(toShown(1, { type: "read", reader: "anna", number: 1 }));
    events.add(toShown(2, { type: "read", reader: "anna", number: 2 }));
    expect(textOf(events.take((chat) => chat === 2))).to.deep.equal([{ chat_number: 2, reader: "anna", number: 2 }]);
    expect(textOf(events.take(() => true))).to.deep.equal([{ chat_number: 1, reader: "anna", number: 1 }]);
  });

  it("are the latest signals of each sender and type, and none that is ten seconds old", () => {
    let now = 0;
    const events = createLiveEvents(() => now);
    const signal = (sender: string, name: string, data: object): void => {
      events.add(toShown(1, { type: "signal", sender, name, data: JSON.stringify(data) }, () => now));
    };
    signal("anna", "typing", { at: 1 });
    now = 5_000;
    signal("ben", "typing", { at: 2 });
    signal("ben", "typing", { at: 3 });
    signal("ben", "recording", { at: 4 });
    now = 10_001;
    expect(textOf(events.take(() => true))).to.deep.equal([
      { chat_number: 1, sender: "ben", type: "typing", data: { at: 3 } },
      { chat_number: 1, sender: "ben", type: "recording", data: { at: 4 } },
    ]);
  });

  it("are at most 200, the latest ones", () => {
    const events = createLiveEvents();
    for (let at = 1; at <= 500; at += 1) events.add(toShown(1, { type: "read", reader: `reader ${at}`, number: at }));
    const kept = textOf(events.take(() => true));
    expect(kept).to.have.length(200);
    expect(kept[0]).to.include({ reader: "reader 301" });
  });
});
