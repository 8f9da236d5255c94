import { useForEach } from "@confab/testkit";
import type { Response } from "express";
import { expect } from "chai";
import { EventEmitter } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { createUnsent } from "../src/unsent.ts";
import type { Owner } from "../src/index.ts";

const page = 20_000;

describe("the memory of unread answers", () => {
  let closed: string[];
  const unsent = useForEach(() => createUnsent({ maxBytes: 10 * page, timeoutMs: 20 }));
  beforeEach(() => {
    closed = [];
  });
  const mallory: Owner = { token: "A", user: "mallory" };
  const alice: Owner = { token: "A", user: "alice" };
  const backEnd: Owner = { token: "A", user: undefined };
  const other: Owner = { token: "B", user: undefined };

  /** Adds an answer and returns a function that simulates that its client has read it. */
  function answer(name: string, owner: Owner, { pages = 1, memory = {}, isRefusable = true } = {}): () => void {
    const res = Object.assign(new EventEmitter(), {
      destroy: () => {
        closed.push(name);
        res.emit("close");
      },
    });
    unsent.add(res as unknown as Response, { bytes: pages * page, memory }, isRefusable, owner);
    return () => res.emit("close");
  }

  it("goes to another application at once, at the cost of the oldest answer of the one that holds most", () => {
    answer("b1", other);
    for (let at = 1; at <= 9; at += 1) answer(`a${at}`, backEnd);
    answer("b2", other, { pages: 2 });
    unsent.expectRoom({ token: "C", user: undefined });
    expect(closed).to.deep.equal(["a1", "a2", "a3"]);
    expect(unsent.bytes).to.equal(9 * page);
  });

  it("goes to another user of the application, at the cost of the user who holds most", () => {
    answer("alice", alice);
    answer("back end", backEnd, { pages: 2 });
    for (let at = 1; at <= 7; at += 1) answer(`m${at}`, mallory);
    answer("alice 2", alice);
    answer("back end 2", backEnd);
    expect(closed).to.deep.equal(["m1", "m2"]);
  });

  it("is taken from the user who holds most of the application that holds most", () => {
    answer("alice", alice, { pages: 3 });
    answer("mallory", mallory, { pages: 4 });
    answer("b", other, { pages: 3 });
    answer("c", { token: "C", user: undefined });
    expect(closed).to.deep.equal(["mallory"]);
  });

  it("is refused to whoever holds most, or would, until answers are overdue", async () => {
    for (let at = 1; at <= 5; at += 1) answer(`m${at}`, mallory);
    for (let at = 1; at <= 5; at += 1) answer(`b${at}`, other);
    for (const owner of [mallory, other])
      expect(() => {
        answer("more", owner);
      }, owner.token).to.throw("Unread answers");
    expect(closed).to.deep.equal([]);
    await pause(30);
    answer("more", mallory);
    expect(closed).to.deep.equal(["m1"]);
  });

  it("is never refused to the answer of a finished change", () => {
    answer("m", mallory, { pages: 10 });
    answer("change", mallory, { isRefusable: false });
    expect(closed).to.deep.equal([]);
    expect(unsent.bytes).to.equal(11 * page);
  });

  it("counts once for all who share it, and for another of them when the first has read it", () => {
    const memory = {};
    const read = answer("alice", alice, { pages: 9, memory });
    answer("mallory", mallory, { pages: 9, memory });
    answer("back end", backEnd);
    expect(unsent.bytes).to.equal(10 * page);
    read();
    answer("alice 2", alice);
    expect(closed).to.deep.equal(["mallory"]);
    expect(unsent.bytes).to.equal(2 * page);
  });

  it("returns when the clients have read, whoever they are", () => {
    const reads = [mallory, alice, backEnd, other].flatMap((owner) => [answer("x", owner), answer("y", owner)]);
    for (const read of reads) read();
    expect(unsent.bytes).to.equal(0);
    answer("all", other, { pages: 10 });
    answer("a", backEnd);
    expect(closed).to.deep.equal(["all"]);
  });
});
