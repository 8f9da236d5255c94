import { expect } from "chai";
import { latencyOf } from "./latency.ts";
import type { SentMessage } from "./sent-message.ts";
import { anomalies, judge, type Anomaly, type ChatRecord, type Observations } from "./verdict.ts";

const message = (uid: string, beganAt: number, number: number, more: Partial<SentMessage> = {}): SentMessage => ({
  uid,
  chat: 1,
  body: `${uid} body`,
  key: undefined,
  beganAt,
  knownAt: beganAt + 1,
  numbers: [number],
  outcome: "ok",
  ...more,
});
const row = (uid: string, number: number) => ({ number, uid, body: `${uid} body` });

const rows = [row("a", 1), row("b", 2), row("c", 3)];
const messages = [message("a", 10, 1), message("b", 20, 2), message("c", 30, 3)];
const sound = {
  messages,
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

describe("the verdict of a verification", () => {
  it("is clean if every message is stored once, in order and visible", () => {
    expect(found(sound)).to.deep.equal({});
    expect(
      found(with1({ rows: [...rows, row("d", 4)], counted: 4 }, { messages: [...messages, unknown("d")] })),
    ).to.deep.equal({});
    // The message with the unknown outcome may also be missing, and the client may not have polled to the end yet.
    expect(found(with1({ polled: rows.slice(0, 2) }, { messages: [...messages, unknown("d")] }))).to.deep.equal({});
    // The messages were sent in parallel, so either may come first.
    const [, , third] = messages;
    const together = [message("a", 10, 1, { knownAt: 25 }), message("b", 11, 2, { knownAt: 25 }), third!];
    const swapped = [row("b", 1), row("a", 2), row("c", 3)];
    const numbered = [{ ...together[0]!, numbers: [2] }, { ...together[1]!, numbers: [1] }, third!];
    expect(found(with1({ rows: swapped, polled: swapped }, { messages: numbered }))).to.deep.equal({});
  });

  const unknown = (uid: string) => message(uid, 40, 0, { numbers: [], outcome: "unknown", knownAt: 0 });
  const cases: [string, Observations, Partial<Record<Anomaly, number>>][] = [
    ["a message is missing", with1({ rows: rows.slice(0, 2), counted: 2, polled: rows.slice(0, 2) }), { lost: 1 }],
    ["a body differs", with1({ rows: [rows[0]!, { ...rows[1]!, body: "b other" }, rows[2]!] }), { lost: 1 }],
    [
      "a message is stored twice",
      with1({ rows: [...rows, row("b", 4)], counted: 4, polled: [...rows, row("b", 4)] }),
      { duplicated: 1 },
    ],
    [
      "a key got two numbers",
      with1({}, { messages: [messages[0]!, message("b", 20, 2, { numbers: [2, 3] }), messages[2]!] }),
      { duplicated: 1 },
    ],
    [
      "a later message has the smaller number",
      with1({}, { messages: [message("a", 30, 1), message("b", 20, 2), message("c", 10, 3)] }),
      { reordered: 2 },
    ],
    ["polling skipped a message", with1({ polled: [rows[0]!, rows[2]!] }), { skipped: 1 }],
    ["the count is wrong", with1({ counted: 2 }), { miscounted: 1 }],
    [
      "a number has no message",
      with1(
        { rows: [rows[0]!, rows[2]!], counted: 2, polled: [rows[0]!, rows[2]!] },
        { messages: [messages[0]!, messages[2]!] },
      ),
      { gaps: 1 },
    ],
    [
      "a refused message is stored",
      with1({}, { messages: [messages[0]!, messages[1]!, message("c", 30, 0, { numbers: [], outcome: "failed" })] }),
      { intruders: 1 },
    ],
    ["a stored message was never sent", with1({}, { messages: messages.slice(0, 2) }), { intruders: 1 }],
    ["a read was stale", { ...sound, stale: ["b was not shown"] }, { stale: 1 }],
    ["search never found a message", { ...sound, neverShown: ["b"] }, { unshown: 1 }],
    ["a count was too high", { ...sound, overcounted: ["chat 1"] }, { miscounted: 1 }],
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
  it("are percentiles by nearest rank, and undefined without samples", () => {
    const measured = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(latencyOf(measured)).to.deep.equal({ samples: 200, p50: 100, p99: 198, max: 200 });
    expect(latencyOf([])).to.deep.equal({ samples: 0, p50: undefined, p99: undefined, max: undefined });
  });
});
