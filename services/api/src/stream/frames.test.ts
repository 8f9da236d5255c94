import { expect } from "chai";
import { encodeFrame, joinFrames } from "./frames.ts";

describe("joined events", () => {
  it("are all events in their order, in segments of at most 64 KiB or one event", () => {
    const sizes = [10, 20, 30_000, 30_000, 30_000, 100_000, 100_000, 5];
    const frames = sizes.map((size, at) =>
      encodeFrame("message", "x".repeat(size), {
        from: at,
        at: { number: at, change: 0, numbering: 0 },
        isChange: false,
      }),
    );
    const { segments, frames: joined } = joinFrames(frames);
    expect(segments.map(({ first, end }) => [first, end])).to.deep.equal([
      [0, 4],
      [4, 5],
      [5, 6],
      [6, 7],
      [7, 8],
    ]);
    const all = (parts: readonly { bytes: Buffer }[]) => Buffer.concat(parts.map(({ bytes }) => bytes));
    expect(all(segments).equals(all(frames))).to.equal(true);
    for (const { bytes, first, end } of segments) expect(bytes.equals(all(frames.slice(first, end)))).to.equal(true);
    expect(all(joined).equals(all(frames))).to.equal(true);
    expect(joined[1]!.bytes.buffer, "held once").to.equal(segments[0]!.bytes.buffer);
    expect(joinFrames([])).to.deep.equal({ frames: [], segments: [] });
  });
});
