import type { Verdict } from "../verify/verdict.ts";

const [width, height, left, bottom] = [760, 90, 34, 32];
const slotMs = 250;
const colours = { ok: "#4c9a5f", info: "#d9a441", failed: "#c8553d" } as const;
const legend = [
  [colours.ok, "accepted"],
  [colours.info, "outcome unknown"],
  [colours.failed, "refused"],
  ["#8884", "the fault"],
] as const;

/** Draws a run as SVG: sent messages per quarter of a second by outcome, with the windows of the fault shaded. */
export function drawTimeline({ timeline, windows, fault, seed }: Verdict): string {
  const endMs = Math.max(1, timeline.length) * slotMs;
  const highest = Math.max(1, ...timeline.map(({ ok, info, failed }) => ok + info + failed));
  const x = (ms: number) => round(left + (Math.min(ms, endMs) / endMs) * (width - left));
  const scale = (count: number) => (count / highest) * (height - 6);
  const shades = windows.map(({ t0, t1, what }) => {
    const [from, to] = [x(t0 / 1e6), x(t1 / 1e6)];
    return `<rect x="${from}" y="0" width="${round(Math.max(to - from, 2))}" height="${height}" fill="#8884" class="window"><title>${escape(what)}</title></rect>`;
  });
  const bars = timeline.flatMap((slot, index) => {
    let y = height;
    return (["ok", "info", "failed"] as const).flatMap((outcome) => {
      if (slot[outcome] === 0) return [];
      const tall = scale(slot[outcome]);
      y -= tall;
      const wide = round((width - left) / Math.max(1, timeline.length));
      return [
        `<rect x="${x(index * slotMs)}" y="${round(y)}" width="${wide}" height="${round(tall)}" fill="${colours[outcome]}"/>`,
      ];
    });
  });
  const seconds = Array.from({ length: Math.floor(endMs / 5_000) + 1 }, (_, index) => index * 5);
  const ticks = seconds.map((at) => `<text x="${x(at * 1000)}" y="${height + 13}">${at} s</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + bottom}" font-family="sans-serif" font-size="10" fill="#777" role="img" aria-label="${escape(`${fault}, seed ${seed}: requests over time`)}">`,
    `<text x="0" y="10">${highest * 4}/s</text><text x="0" y="${height}">0</text>`,
    ...shades,
    ...bars,
    ...ticks,
    ...legend.map(
      ([colour, text], at) =>
        `<rect x="${left + at * 190}" y="${height + 19}" width="9" height="9" fill="${colour}"/><text x="${left + at * 190 + 14}" y="${height + 27}">${text}</text>`,
    ),
    "</svg>",
  ].join("\n");
}

/** Escapes text for HTML and SVG, including attributes. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
