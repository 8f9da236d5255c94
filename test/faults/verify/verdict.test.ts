import { expect } from "chai";
import { invariants } from "./invariants.ts";
import { buildModel } from "./model.ts";
import { mutants } from "./mutants.ts";
import { lossAt, lossy } from "./lossy.ts";
import { createSoundRun } from "./sound-run.ts";
import { streamsEndAsLists, streamsSkipNothing } from "./streams.ts";
import { verify } from "./verdict.ts";
import type { HistoryLine, Operation } from "../history/lines.ts";

describe("the verdict on a run", () => {
  const sound = createSoundRun();

  it("accepts a run that kept every promise, and counts its messages", () => {
    const verdict = verify(sound.history, sound.final);
    expect(verdict.anomalies).to.deep.equal([]);
    expect(verdict).to.include({ valid: true, lost: 0, duplicated: 0, reordered: 0, stale: 0, recovered: 4 });
    expect(verdict.messages).to.deep.equal({ attempted: 120, ok: 112, info: 4, failed: 4 });
    expect(verdict.stable.get).to.deep.include({ messages: 96, max: 0, never: 0 });
    expect(verdict.changes).to.deep.equal({ ok: 36, info: 4, failed: 4 });
    expect(verdict.stable.search.p50).to.equal(47);
  });

  it("has a mutant for each invariant", () => {
    const controlled = new Set(mutants.map(({ reddens }) => reddens));
    expect([...controlled].sort()).to.deep.equal(Object.keys(invariants).sort());
  });

  for (const { what, reddens, mutate } of mutants) {
    it(`turns red in ${reddens} when ${what}`, () => {
      const { history, final } = mutate(sound);
      const verdict = verify(history, final);
      expect(verdict.valid).to.equal(false);
      expect(verdict.anomalies.map(({ invariant }) => invariant)).to.include(reddens);
    });
  }

  it("excuses the loss of messages that were sent before Redis lost data, and no later loss", () => {
    const row = sound.final.find((line) => line.type === "row" && line.number === 3)!;
    const late = sound.final.find((line) => line.type === "row" && line.number === 26)!;
    const history = [...lossy(sound.history), lossAt(1000e6)];
    const without = (removed: typeof row) => sound.final.filter((line) => line !== removed);
    const lostBefore = verify(history, without(row));
    expect(lostBefore).to.include({ lost: 0 });
    expect(lostBefore.documented.lost).to.equal(1);
    expect(verify(history, without(late)).lost).to.equal(1);
    expect(verify(sound.history, without(row)).lost).to.equal(1);
  });

  it("excuses a renumbered message after a loss, and only then", () => {
    const row = sound.final.find((line) => line.type === "row" && line.number === 26)!;
    const final = sound.final.map((line) =>
      "uid" in line && "uid" in row && line.uid === row.uid ? { ...line, number: 31 } : line,
    );
    const history = [...lossy(sound.history), lossAt(1000e6)];
    const excused = verify(history, final);
    expect(excused.anomalies).to.deep.equal([]);
    expect(excused.documented.renumbered).to.equal(1);
    expect(verify(sound.history, final).anomalies.map(({ invariant }) => invariant)).to.include("I1");
  });

  it("wants a reader to learn of a message that is stored under the number of a renumbered one", () => {
    const shown = sound.history.find(
      (line) => line.type === "event" && line.event === "message" && line.item?.[0] === 26,
    );
    if (shown?.type !== "event") throw new Error("the sound run has no such event");
    const [, uid, ...rest] = shown.item!;
    const final = sound.final.flatMap((line) =>
      "uid" in line && line.uid === uid
        ? [
            { ...line, number: 31 },
            { ...line, uid: "from before the loss" },
          ]
        : [line],
    );
    const history = [...lossy(sound.history), lossAt(1000e6)];
    const learns = sound.history.flatMap((line): HistoryLine[] =>
      line.type === "event" && line.event === "message" && line.item?.[1] === uid
        ? [{ ...line, event: "edited", change: 1, item: [26, "from before the loss", ...rest] }]
        : [],
    );
    const wrong = (lines: HistoryLine[]) =>
      streamsEndAsLists(buildModel(lines, final)).filter((text) => text.includes("instead of 26"));
    expect(wrong([...history, ...learns])).to.deep.equal([]);
    expect(wrong(history)).to.have.length(learns.length);
  });

  it("accepts another message under a number after a loss if its change is new to the reader, not by its version", () => {
    const event = sound.history.find((line) => line.type === "event" && line.event === "message");
    if (event?.type !== "event") throw new Error("the sound run has no such event");
    const others = sound.history.filter(({ type }) => type !== "event");
    const history = (change: number): HistoryLine[] => [
      ...lossy(others),
      lossAt(1000e6),
      { ...event, change: 1 },
      { ...event, event: "edited", change, position: [event.position![0], change] },
    ];
    const wrong = (change: number) =>
      streamsSkipNothing(buildModel(history(change), sound.final)).filter((text) => text.includes("of 1 after"));
    expect(wrong(2)).to.deep.equal([]);
    expect(wrong(1)).to.have.length(1);
  });

  it("excuses a page that shows a message from before a loss above later numbers, and no other page", () => {
    const before = sound.final.find((line) => line.type === "row" && line.number === 3)!;
    if (!("uid" in before) || !("hash" in before)) throw new Error("the sound run has no such row");
    const page: Operation = {
      type: "op",
      op: "list",
      client: "reader",
      via: "api-1",
      app: "a",
      chat: 1,
      outcome: "ok",
      status: 200,
      t0: 5000e6,
      t1: 5001e6,
      after: 24,
      items: [[40, before.uid, before.hash]],
    };
    const reddened = (history: HistoryLine[]) =>
      verify(history, sound.final).anomalies.map(({ invariant }) => invariant);
    expect(reddened([...sound.history, page])).to.include("I13");
    expect(reddened([...lossy(sound.history), lossAt(1000e6), page])).not.to.include("I13");
  });

  it("excuses a gap that a reset takes back after a loss, and no reset that goes forward", () => {
    const message = sound.history.findLast((line) => line.type === "event" && line.event === "message");
    if (message?.type !== "event") throw new Error("the sound run has no such event");
    const [number, change] = message.position!;
    const { type, at, client, via, app, chat, connection, position } = message;
    const event = { type, at, client, via, app, chat, connection };
    const gap: HistoryLine = { ...event, event: "gap", position: position!, gap: [number, number] };
    const reset = (to: number): HistoryLine => ({ ...event, event: "reset", position: [to, change] });
    const reddened = (...events: HistoryLine[]) => {
      const history = sound.history.flatMap((line) => (line === message ? events : [line]));
      return verify([...lossy(history), lossAt(1000e6)], sound.final).anomalies.map(({ invariant }) => invariant);
    };
    expect(reddened(gap, reset(number - 1), message)).to.deep.equal([]);
    expect(reddened(gap)).to.include("I21");
    expect(reddened(gap, reset(number), message)).to.include("I21");
  });

  it("excuses a reader who knows of a deleted message that was lost afterwards, and of no other", () => {
    const row = sound.final.find((line) => line.type === "row" && line.deleted === true);
    if (row?.type !== "row") throw new Error("the sound run has no such row");
    const isOf = (line: { app?: unknown; chat?: unknown; number?: unknown }) =>
      line.app === row.app && line.chat === row.chat && line.number === row.number;
    const final = sound.final.filter((line) => !((line.type === "row" || line.type === "listed") && isOf(line)));
    const reddened = (at: number) => {
      const history = sound.history.map((line) =>
        line.type === "run"
          ? { ...line, expectations: { loses: true, losesChanges: true, ...line.expectations } }
          : line,
      );
      return verify([...history, lossAt(at)], final).anomalies.filter(({ invariant }) => invariant === "I22");
    };
    expect(reddened(60_000e6)).to.deep.equal([]);
    expect(reddened(0)).to.have.lengthOf(1);
  });

  it("excuses a change that was refused after a loss because its number may be another one's, and no other", () => {
    const edit = sound.history.find((line): line is Operation => line.type === "op" && line.op === "edit")!;
    const { beganAt } = buildModel(sound.history, sound.final).sent.get(edit.uid!)!;
    const end = Math.max(...sound.history.map((line) => ("t1" in line ? line.t1 : 0)));
    const refused: Operation = { ...edit, t0: end + 10e6, t1: end + 11e6, outcome: "fail", status: 412 };
    const reddened = (at: number) => {
      const { anomalies } = verify([...lossy(sound.history), refused, lossAt(at)], sound.final);
      return anomalies.flatMap(({ examples }) => examples).filter((text) => text.includes("was answered with 412"));
    };
    expect(reddened(end + 5e6)).to.deep.equal([]);
    expect(reddened(beganAt - 2e6)).to.have.lengthOf(1);
    expect(reddened(end + 20e6)).to.have.lengthOf(1);
  });

  it("excuses requests that waited too long for their turn on a busy machine, but not all of them", () => {
    const at = 10_000e6;
    const refused = (tookMs: number, index = 0): Operation => ({
      type: "op",
      op: "list",
      client: "reader",
      via: "api-1",
      app: "a",
      chat: 1,
      outcome: "fail",
      status: 429,
      t0: at + index,
      t1: at + index + tookMs * 1e6,
      problem: "rate-limited",
    });
    const reddened = (...lists: Operation[]) => {
      const others = sound.history.filter((line) => line.type !== "op" || line.op !== "list");
      return verify([...others, ...lists], sound.final).anomalies.map(({ invariant }) => invariant);
    };
    expect(reddened(refused(2_000))).not.to.include("I10");
    expect(reddened(refused(1_800))).to.include("I10");
    expect(reddened(...Array.from({ length: 20 }, (_, index) => refused(2_000, index)))).to.include("I10");
  });

  it("allows a stream to show messages later during a fault, and not after it", () => {
    const isRed = (from: number, to: number) => {
      const history = sound.history.map((line): HistoryLine => {
        if (line.type === "run") return { ...line, expectations: { ...line.expectations, streamedWithinMs: 300 } };
        const isLate = line.type === "event" && line.at > from && line.at < to;
        return isLate ? { ...line, at: line.at + 600e6 } : line;
      });
      return verify(history, sound.final).anomalies.some(({ invariant }) => invariant === "I24");
    };
    expect(isRed(0, 0)).to.equal(false);
    expect(isRed(1_100e6, 1_300e6)).to.equal(false);
    // The fault ends at 2 s, and recovery from it at 2.5 s.
    expect(isRed(2_600e6, 2_800e6)).to.equal(true);
  });

  it("explains a deleted message by the erasure of its sender, and only of its sender", () => {
    const row = sound.final.find((line) => line.type === "row" && line.version === 1 && line.deleted !== true)!;
    if (row.type !== "row") throw new Error("the sound run has no such row");
    const final = sound.final.map((line) =>
      line === row ? { ...row, uid: "", hash: "", deleted: true, version: 2 } : line,
    );
    const reddened = (sender: string) => {
      const history = sound.history.map((line): HistoryLine =>
        line.type === "op" && line.op === "send" && line.uid === row.uid ? { ...line, sender: "anna" } : line,
      );
      const erasure: Operation = {
        type: "op",
        op: "erase-sender",
        client: "registrar",
        via: "api-1",
        app: row.app,
        chat: 0,
        outcome: "ok",
        status: 202,
        t0: 5_000e6,
        t1: 5_001e6,
        sender,
      };
      const { anomalies } = verify([...history, erasure], final);
      return anomalies.flatMap(({ examples }) => examples).filter((text) => text.includes("nobody deleted it"));
    };
    expect(reddened("anna")).to.deep.equal([]);
    expect(reddened("ben")).to.have.lengthOf(1);
  });

  it("measures recovery from the end of the fault to the last request that was not served", () => {
    const failed: Operation = {
      type: "op",
      op: "get",
      client: "reader",
      via: "api-1",
      app: "a",
      chat: 1,
      outcome: "fail",
      status: 503,
      t0: 2200e6,
      t1: 2300e6,
    };
    const verdict = verify([...sound.history, failed], sound.final);
    expect(verdict).to.include({ valid: true, recoveryMs: 300 });
  });
});
