import { expect } from "chai";
import { lossAt, lossy } from "./lossy.ts";
import { createSoundRun } from "./sound-run.ts";
import { verify } from "./verdict.ts";
import type { HistoryLine, Operation } from "../history/lines.ts";

describe("the verdict on probes", () => {
  const sound = createSoundRun();

  /**
   * Returns the probe of the sound run, its acknowledgement as message 31, and a function that changes the probe in the
   * history.
   */
  const probed = () => {
    const probe = sound.history.find((line) => line.type === "probe");
    if (probe?.type !== "probe") throw new Error("the sound run has no probe");
    const sent: Operation = {
      type: "op",
      op: "send",
      client: "probe",
      via: "ingest-1",
      app: "a",
      chat: 1,
      outcome: "ok",
      status: 201,
      t0: 1500e6,
      t1: 1501e6,
      uid: probe.uid,
      number: 31,
    };
    const historyWith = (times: Partial<typeof probe>): HistoryLine[] =>
      sound.history.map((line) => (line === probe ? { ...probe, ...times } : line));
    return { uid: probe.uid, sent, historyWith };
  };

  it("accepts a probe under another number after a loss, and only then", () => {
    const { uid, sent, historyWith } = probed();
    const row = sound.final.find((line) => line.type === "row" && line.app === "a" && line.chat === 1)!;
    const reddened = (number: number) => {
      const history = [...lossy(historyWith({ readableMs: {} })), sent, lossAt(1000e6)];
      const { anomalies } = verify(history, [...sound.final, { ...row, uid, number } as typeof row]);
      return anomalies.map(({ invariant }) => invariant);
    };
    expect(reddened(32)).not.to.include("I12");
    expect(reddened(31)).to.include("I12");
  });

  it("accepts that a change for a message that was lost gives a probe another text, and only then", () => {
    const { uid, sent, historyWith } = probed();
    for (const times of [{ searchableMs: {} }, { readableMs: {} }]) {
      const history = historyWith(times);
      const reddened = (edit: Partial<Operation>, before = lossy(history)) => {
        const change: Operation = {
          type: "op",
          op: "edit",
          client: "editor",
          via: "api-1",
          app: "a",
          chat: 1,
          outcome: "ok",
          status: 200,
          t0: 1300e6,
          t1: 1600e6,
          uid: "a.1.lost",
          number: 31,
          hash: "other",
          version: 2,
          change: 1,
          ...edit,
        };
        const { anomalies } = verify([...before, sent, lossAt(1000e6, 1400e6), change], sound.final);
        return anomalies.map(({ invariant }) => invariant);
      };
      expect(reddened({})).not.to.include("I12");
      expect(reddened({ uid }), "meant for the probe").to.include("I12");
      expect(reddened({ t0: 1450e6 }), "sent after the loss").to.include("I12");
      expect(reddened({ t1: 1350e6 }), "answered before it").to.include("I12");
      expect(reddened({ outcome: "fail" }), "refused").to.include("I12");
      expect(reddened({}, history), "without a loss").to.include("I12");
    }
  });
});
