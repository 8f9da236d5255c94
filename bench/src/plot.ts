import type { Spread } from "./results.ts";
import { grey, legend, palette, svg, text } from "./svg.ts";

export interface Plot {
  readonly title: string;
  /** From top to bottom. */
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[];
  readonly scale: "linear" | "logarithmic";
}

export interface Bar {
  readonly series: string;
  readonly spread: Spread;
  /** The figure as text. */
  readonly label: string;
}

const [width, left, right, barHeight, gap, head] = [760, 190, 190, 14, 12, 56];

/** Draws horizontal bars with a line from the lowest to the highest value, as SVG. */
export function drawBars({ title, groups, scale }: Plot): string {
  const bars = groups.flatMap((group) => group.bars);
  const series = [...new Set(bars.map((bar) => bar.series))];
  const highest = Math.max(...bars.map(({ spread }) => spread.highest));
  const lowest = scale === "linear" ? 0 : Math.min(...bars.map(({ spread }) => spread.lowest));
  const ticks = ticksOf(lowest, highest, scale);
  const position = scaleOf(ticks[0]!, ticks.at(-1)!, scale);
  const x = (value: number) => left + position(value) * (width - left - right);
  const at = (value: number) => x(value).toFixed(1);

  const parts: string[] = [];
  let y = head;
  for (const { label, bars } of groups) {
    const middle = y + (bars.length * barHeight) / 2 + 4;
    parts.push(text({ x: left - 8, y: middle, anchor: "end" }, label));
    for (const { series: name, spread, label } of bars) {
      const { median, lowest, highest } = spread;
      const colour = palette[series.indexOf(name) % palette.length]!;
      const centre = y + barHeight / 2 - 1;
      parts.push(
        `<rect x="${left}" y="${y}" width="${(x(median) - left).toFixed(1)}" height="${barHeight - 2}" fill="${colour}"/>`,
        `<path d="M${at(lowest)} ${centre}H${at(highest)}M${at(lowest)} ${centre - 3}v6M${at(highest)} ${centre - 3}v6" stroke="${grey}" fill="none"/>`,
        text({ x: Math.max(x(median), x(highest)) + 6, y: y + barHeight - 3, size: 11 }, label),
      );
      y += barHeight;
    }
    y += gap;
  }
  const height = y + 24;
  const grid = ticks.map(
    (tick) =>
      `<path d="M${at(tick)} ${head - 6}V${y}" stroke="${grey}" stroke-opacity="0.3"/>` +
      text({ x: x(tick), y: y + 14, anchor: "middle", size: 11 }, tick.toLocaleString("en")),
  );
  const names = legend(series, { x: left, y: 30, step: 170 });
  return svg(scale === "linear" ? title : `${title} (logarithmic scale)`, { width, height }, [
    ...names,
    ...grid,
    ...parts,
  ]);
}

/** Round values that include the lowest and the highest: powers of ten, or at most six steps from 0. */
export function ticksOf(lowest: number, highest: number, scale: Plot["scale"]): number[] {
  if (scale === "logarithmic") {
    const first = Math.floor(Math.log10(lowest));
    const last = Math.ceil(Math.log10(highest));
    return Array.from({ length: last - first + 1 }, (_, at) => Number(`1e${first + at}`));
  }
  const power = 10 ** Math.floor(Math.log10(highest / 5));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power * 6 >= highest)!;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}

/** Maps the values between two ticks to 0 to 1. */
export function scaleOf(first: number, last: number, scale: Plot["scale"]): (value: number) => number {
  if (scale === "linear") return (value) => (value - first) / (last - first);
  return (value) => Math.log(value / first) / Math.log(last / first);
}
