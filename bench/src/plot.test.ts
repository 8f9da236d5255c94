import { expect } from "chai";
import { drawBars, scaleOf, ticksOf } from "./plot.ts";

describe("a plot", () => {
  it("has round ticks that include all values", () => {
    expect(ticksOf(0, 16_059, "linear")).to.deep.equal([0, 5_000, 10_000, 15_000, 20_000]);
    expect(ticksOf(0, 20_000, "linear")).to.deep.equal([0, 5_000, 10_000, 15_000, 20_000]);
    expect(ticksOf(0, 0.7, "linear")).to.deep.equal([0, 0.2, 0.4, 0.6, 0.8]);
    expect(ticksOf(0.37, 42, "logarithmic")).to.deep.equal([0.1, 1, 10, 100]);
  });

  it("places values in proportion, or in proportion to their logarithms", () => {
    expect(scaleOf(0, 20, "linear")(5)).to.equal(0.25);
    expect(scaleOf(0.1, 1_000, "logarithmic")(10)).to.be.closeTo(0.5, 1e-9);
  });

  it("draws one bar per value, in the colour of its series, and the range", () => {
    const bar = (series: string, median: number) => ({
      series,
      spread: { median, lowest: median / 2, highest: 100 },
      label: `${median}`,
    });
    const groups = [
      { label: "64 & more", bars: [bar("a", 50), bar("b", 100)] },
      { label: "<256>", bars: [bar("a", 25)] },
    ];
    const svg = drawBars({ title: "Rate", groups, scale: "linear" });
    const bars = [...svg.matchAll(/<rect x="190" [^>]*width="([\d.]+)" height="12" fill="(#\w+)"/g)];
    const [first, second, third] = bars.map(([, width, colour]) => ({ width: Number(width), colour }));
    expect(bars).to.have.length(3);
    expect(second!.width).to.be.closeTo(2 * first!.width, 0.2);
    expect(third!.width).to.be.closeTo(first!.width / 2, 0.2);
    expect(first!.colour).to.equal(third!.colour).and.not.equal(second!.colour);
    expect(svg).to.contain("64 &amp; more").and.contain("&lt;256>");
  });
});
