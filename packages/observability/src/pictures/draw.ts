import type { DashboardPlan, Panel, Unit } from "../panel.ts";
import type { Line } from "./ask.ts";

const colours = ["#3274d9", "#e0823d", "#56a64b", "#a352cc", "#e02f44", "#8f8f8f", "#c0a000", "#1f9e9e"];
/** Of a panel of eight columns. */
const usualWidth = 420;
const height = 130;
/** Under the chart, for its times. */
const foot = 14;
/** A threshold is shown where it is at most so many times as high as what there is. */
const farThreshold = 3;

/** Seconds since 1970. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

export interface Drawn {
  readonly panel: Panel;
  readonly lines: readonly Line[];
}

/**
 * A dashboard as one HTML page, whose title is its height in pixels: a heatmap's series are drawn as lines, and what is stacked in Grafana is not.
 */
export function page(
  plan: DashboardPlan,
  rows: readonly { readonly title: string; readonly drawn: readonly Drawn[] }[],
  span: Span,
): string {
  const sections = rows.map(
    ({ title, drawn }) =>
      `<h2>${text(title)}</h2><div class="row">${drawn.map((one) => box(one, span)).join("")}</div>`,
  );
  return `<!doctype html><meta charset="utf-8"><style>
body{margin:12px;font:12px "DejaVu Sans",sans-serif;background:#f4f5f5;color:#222}h1{font-size:18px;margin:0 0 8px}
h2{font-size:13px;margin:10px 0 4px}.row{display:grid;grid-template-columns:repeat(24,1fr);gap:6px}
.box{background:#fff;border:1px solid #ddd;padding:6px;overflow:hidden}.box h3{font-size:12px;margin:0 0 2px}
.big{font-size:24px}.key{font-size:10px;line-height:13px}.key b{font-weight:normal;margin-right:8px}svg{width:100%;height:auto}
table{border-collapse:collapse}td{padding:1px 12px 1px 0}
</style><h1>${text(plan.title)}</h1>${sections.join("")}<script>document.title=document.documentElement.scrollHeight</script>`;
}

function box({ panel, lines }: Drawn, span: Span): string {
  const draw = { stat: figures, table: list, graph: chart, heatmap: chart }[panel.kind];
  const content = draw(panel, lines, span);
  return `<div class="box" style="grid-column:span ${panel.width ?? 8}"><h3>${text(panel.title)}</h3>${content}</div>`;
}

function figures({ unit, warnAt, badAt, lowIsBad = false }: Panel, lines: readonly Line[], span: Span): string {
  const beyond = (value: number, bound = lowIsBad ? -Infinity : Infinity): boolean =>
    lowIsBad ? value < bound : value >= bound;
  return lines
    .map((line) => {
      const value = lastOf(line, span);
      const colour = beyond(value, badAt) ? "#c4162a" : beyond(value, warnAt) ? "#b58900" : "#37872d";
      return `<span class="big" style="color:${colour}">${format(value, unit)}</span> ${text(lines.length > 1 ? line.name : "")} `;
    })
    .join("");
}

function list(panel: Panel, lines: readonly Line[], span: Span): string {
  const rows = lines
    .filter((line) => Number.isFinite(lastOf(line, span)))
    .map((line) => `<tr><td>${text(line.name)}</td><td>${format(lastOf(line, span), panel.unit)}</td></tr>`);
  return rows.length === 0 ? "<p>none</p>" : `<table>${rows.join("")}</table>`;
}

function chart(panel: Panel, all: readonly Line[], span: Span): string {
  // A heatmap's unit is that of its buckets; drawn as lines, they are rates.
  const unit = panel.kind === "heatmap" ? "reqps" : panel.unit;
  const width = Math.round((usualWidth * (panel.width ?? 8)) / 8);
  const lines = all.filter(({ points }) => points.length > 0);
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return "<p>no data</p>";
  const { from: start, to: end } = span;
  const highest = Math.max(...points.map(([, value]) => value)) || 1;
  const bounds = (
    [
      ["#b58900", panel.warnAt],
      ["#c4162a", panel.badAt],
    ] as const
  ).flatMap(([colour, bound]) =>
    panel.kind === "heatmap" || bound === undefined || bound > highest * farThreshold ? [] : [{ colour, bound }],
  );
  const top = Math.max(panel.max ?? highest, highest, ...bounds.map(({ bound }) => bound));
  const across = (time: number): number => ((time - start) / (end - start || 1)) * width;
  const up = (value: number): number => height - (value / top) * (height - 4);
  const at = ([time, value]: readonly [number, number]): string => `${across(time).toFixed(1)},${up(value).toFixed(1)}`;
  const drawn = lines.map(
    (line, index) =>
      `<polyline fill="none" stroke="${colourOf(index)}" stroke-width="1.5" points="${line.points.map(at).join(" ")}"/>`,
  );
  const thresholds = bounds.map(
    ({ colour, bound }) =>
      `<path d="M0 ${up(bound).toFixed(1)}H${width}" stroke="${colour}" stroke-dasharray="5 4" fill="none"/>`,
  );
  const grid = `<path d="M0 2H${width}M0 ${height / 2}H${width}M0 ${height}H${width}" stroke="#ddd"/>`;
  const label = (x: number, y: number, words: string, anchor = "start"): string =>
    `<text x="${x}" y="${y}" font-size="10" fill="#666" text-anchor="${anchor}">${words}</text>`;
  const labels = [
    label(2, 12, format(top, unit)),
    label(2, height / 2 - 2, format(top / 2, unit)),
    label(0, height + foot - 2, clock(start)),
    label(width / 2, height + foot - 2, clock((start + end) / 2), "middle"),
    label(width, height + foot - 2, clock(end), "end"),
  ];
  const key = lines.map(
    (line, index) =>
      `<b><span style="color:${colourOf(index)}">■</span> ${text(line.name)} ${format(lastOf(line, span), unit)}</b>`,
  );
  const content = [grid, ...thresholds, ...drawn, ...labels].join("");
  return `<svg viewBox="0 0 ${width} ${height + foot}">${content}</svg><div class="key">${key.join("")}</div>`;
}

/** NaN of a series that has ended before. */
function lastOf({ points }: Line, { to, step }: Span): number {
  const [time, value] = points.at(-1) ?? [-Infinity, NaN];
  return time >= to - 2 * step ? value : NaN;
}

/** Of the day, in UTC. */
function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

function colourOf(index: number): string {
  return colours[index % colours.length]!;
}

function format(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return "–";
  if (unit === "percentunit") return `${Number((value * 100).toFixed(2))} %`;
  if (unit === "bytes") return `${(value / 1024 ** 2).toFixed(1)} MiB`;
  if (unit === "dtdurations") return `${Math.round(value)} s`;
  if (unit === "s")
    return value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`;
  const figure = String(Number(value.toPrecision(3)));
  return unit === "ops" || unit === "reqps" ? `${figure}/s` : figure;
}

function text(raw: string): string {
  return raw.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
