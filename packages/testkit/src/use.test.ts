import { expect } from "chai";
import { useEnding, useForAll, useForEach } from "./use.ts";

describe("useForAll, useForEach and useEnding", () => {
  const events: string[] = [];
  const start = (name: string, end: "stop" | "close") => {
    let count = 0;
    return () => {
      const id = `${name} ${++count}`;
      events.push(`start ${id}`);
      return Promise.resolve({ id, [end]: () => events.push(`${end} ${id}`) });
    };
  };

  describe("while it runs", () => {
    const all = useForAll(start("world", "close"));
    const service = useForAll(start("service", "stop"));
    const each = useForEach(start("chat", "close"));
    const endAfterTest = useEnding();
    after(() => events.push("after"));

    for (const id of ["chat 1", "chat 2"]) {
      it(`is started before the tests, or before each: ${id}`, () => {
        endAfterTest({ stop: () => events.push(`stop reader of ${id}`) });
        expect([all.id, service.id, each.id]).to.deep.equal(["world 1", "service 1", id]);
      });
    }
  });

  describe("afterwards", () => {
    it("has ended in the reverse order, after the hooks of the tests", () => {
      expect(events).to.deep.equal([
        "start world 1",
        "start service 1",
        "start chat 1",
        "stop reader of chat 1",
        "close chat 1",
        "start chat 2",
        "stop reader of chat 2",
        "close chat 2",
        "after",
        "stop service 1",
        "close world 1",
      ]);
    });
  });
});
