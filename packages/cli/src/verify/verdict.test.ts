import { expect } from "chai";
import { latencyOf } from "./latency.ts";
import type { Letter } from "./letter.ts";
import { anomalies, judge, type Anomaly, type ChatRecord, type Observations } from "./verdict.ts";

const letter = (uid: string, beganAt: number, number: number, more: Partial<Letter> = {}): Letter => ({
  ...{
    uid,
    chat: 1,
    body: `${uid} body`,
    key: undefined,
    beganAt,
    knownAt: beganAt + 1,
    numbers: [number],
    outcome: "ok",
  },
  ...more,
});
const row = (uid: string, number: number) => ({ number, uid, body: `${uid} body` });

const rows = [row("a", 1), row("b", 2), row("c", 3)];
const letters = [letter("a", 10, 1), letter("b", 20, 2), letter("c", 30, 3)];
const sound = {
  letters,
  chats: [{ chat: 1, rows, counted: 3, polled: rows }],
  stale: [],
  neverShown: [],
  overcounted: [],
};

const found = (observations: Observations) => {
  const entries = Object.entries(judge(observations)) as [Anomaly, string[]][];
  return Object.fromEntries(entries.filter(([, all]) => all.length > 0).map(([name, all]) => [name, all.length]));
};
const with1 = (chat: Partial<ChatRecord>, more: Partial<Observations> = {}) => ({
  ...sound,
  ...more,
  chats: [{ ...sound.chats[0]!, ...chat }],
});

describe("the verdict about a verification", () => {
  it("is clean where everything is there once, in order and seen", () => {
    expect(found(sound)).to.deep.equal({});
    expect(
      found(with1({ rows: [...rows, row("d", 4)], counted: 4 }, { letters: [...letters, unknown("d")] })),
    ).to.deep.equal({});
    // Not there is as good, and so is what the poller has still before it.
    expect(found(with1({ polled: rows.slice(0, 2) }, { letters: [...letters, unknown("d")] }))).to.deep.equal({});
    // Sent at the same time: either may come first.
    const [, , third] = letters;
    const together = [letter("a", 10, 1, { knownAt: 25 }), letter("b", 11, 2, { knownAt: 25 }), third!];
    const swapped = [row("b", 1), row("a", 2), row("c", 3)];
    const numbered = [{ ...together[0]!, numbers: [2] }, { ...together[1]!, numbers: [1] }, third!];
    expect(found(with1({ rows: swapped, polled: swapped }, { letters: numbered }))).to.deep.equal({});
  });

  const unknown = (uid: string) => letter(uid, 40, 0, { numbers: [], outcome: "unknown", knownAt: 0 });
  const cases: [string, Observations, Partial<Record<Anomaly, number>>][] = [
    ["a message is not there", with1({ rows: rows.slice(0, 2), counted: 2, polled: rows.slice(0, 2) }), { lost: 1 }],
    ["a body is another", with1({ rows: [rows[0]!, { ...rows[1]!, body: "b other" }, rows[2]!] }), { lost: 1 }],
    [
      "a message is there twice",
      with1({ rows: [...rows, row("b", 4)], counted: 4, polled: [...rows, row("b", 4)] }),
      { duplicated: 1 },
    ],
    [
      "a key was answered two numbers",
      with1({}, { letters: [letters[0]!, letter("b", 20, 2, { numbers: [2, 3] }), letters[2]!] }),
      { duplicated: 1 },
    ],
    [
      "a later message has the smaller number",
      with1({}, { letters: [letter("a", 30, 1), letter("b", 20, 2), letter("c", 10, 3)] }),
      { reordered: 2 },
    ],
    ["a poller was not given a message", with1({ polled: [rows[0]!, rows[2]!] }), { skipped: 1 }],
    ["the count is wrong", with1({ counted: 2 }), { miscounted: 1 }],
    [
      "a number belongs to nobody",
      with1(
        { rows: [rows[0]!, rows[2]!], counted: 2, polled: [rows[0]!, rows[2]!] },
        { letters: [letters[0]!, letters[2]!] },
      ),
      { gaps: 1 },
    ],
    [
      "what was refused is there",
      with1({}, { letters: [letters[0]!, letters[1]!, letter("c", 30, 0, { numbers: [], outcome: "failed" })] }),
      { intruders: 1 },
    ],
    ["nobody sent what is there", with1({}, { letters: letters.slice(0, 2) }), { intruders: 1 }],
    ["a read was stale", { ...sound, stale: ["b was not shown"] }, { stale: 1 }],
    ["search never found a message", { ...sound, neverShown: ["b"] }, { unshown: 1 }],
    ["a count was above the truth", { ...sound, overcounted: ["chat 1"] }, { miscounted: 1 }],
  ];
  for (const [what, observations, expected] of cases) {
    it(`is that ${what}, and nothing else`, () => {
      expect(found(observations)).to.deep.equal(expected);
    });
  }

  it("has a case for each anomaly", () => {
    const covered = new Set(cases.flatMap(([, , expected]) => Object.keys(expected)));
    expect([...covered]).to.have.members(Object.keys(anomalies));
  });
});

describe("latencies", () => {
  it("are those by nearest rank, and none where nothing was measured", () => {
    const measured = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(latencyOf(measured)).to.deep.equal({ samples: 200, p50: 100, p99: 198, max: 200 });
    expect(latencyOf([])).to.deep.equal({ samples: 0, p50: undefined, p99: undefined, max: undefined });
  });
});
