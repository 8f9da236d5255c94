import { expect } from "chai";
import { drawFlameGraph, type CpuProfile } from "./flame-graph.ts";

const node = (id: number, functionName: string, url = "", children: number[] = []) => ({
  id,
  children,
  callFrame: { functionName, url, lineNumber: 4 },
});

/** 1 s of start, then 600 µs in a function of which 200 µs are spent in a dependency, 400 µs in another, and idle time. */
const profile: CpuProfile = {
  nodes: [
    node(1, "(root)", "", [2, 4, 5]),
    node(2, "serve", "file:///x/packages/http/src/a.ts", [3]),
    node(3, "parse", "file:///x/node_modules/lib/b.js"),
    node(4, "<other>", "node:net"),
    node(5, "(idle)"),
  ],
  samples: [4, 2, 3, 2, 4, 5],
  timeDeltas: [1_000_000, 300, 200, 100, 400, 9_000],
};

describe("a flame graph", () => {
  const rectangles = (svg: string) =>
    [...svg.matchAll(/<title>([^<]*)<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)].map(
      ([, title, x, y, width]) => ({ title, x: Number(x), y: Number(y), width: Number(width) }),
    );

  it("shows shares of the time in which there was work, callees below their callers", () => {
    const [serve, parse, other, ...more] = rectangles(drawFlameGraph(profile, { title: "t", skipSeconds: 1 }));
    expect(more).to.deep.equal([]);
    expect([serve!.title, parse!.title, other!.title]).to.deep.equal([
      "serve packages/http/src/a.ts:5, 60.0 %",
      "parse lib/b.js:5, 20.0 %",
      "&lt;other> node:net:5, 40.0 %",
    ]);
    expect(serve!.width / other!.width).to.be.closeTo(1.5, 0.01);
    expect(parse!.x).to.equal(serve!.x);
    expect(parse!.y).to.be.above(serve!.y);
    expect(other!.y).to.equal(serve!.y);
  });

  it("includes the start if nothing is left out", () => {
    const [other] = rectangles(drawFlameGraph(profile, { title: "t" }));
    expect(other!.title).to.equal("&lt;other> node:net:5, 99.9 %");
  });
});
