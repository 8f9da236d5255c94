/** Readable on white and on black. */
export const grey = "#808080";
export const palette = ["#c2780c", "#3f83d8", "#8a8f98", "#2f9e63"] as const;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture with a title at the top. */
export function svg(title: string, { width, height }: Size, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" role="img">`,
    `<title>${escape(title)}</title>`,
    text({ x: 8, y: 18, size: 14 }, title),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** The names of the colours of the palette, in a row. */
export function legend(names: readonly string[], { x, y, step }: { x: number; y: number; step: number }): string[] {
  return names.map((name, index) => {
    const from = x + index * step;
    const square = `<rect x="${from}" y="${y}" width="10" height="10" fill="${palette[index % palette.length]!}"/>`;
    return square + text({ x: from + 15, y: y + 9 }, name);
  });
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly size?: number;
}

/** A line of text. */
export function text({ x, y, anchor = "start", size = 12 }: Place, content: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${grey}" font-size="${size}" text-anchor="${anchor}">${escape(content)}</text>`;
}

/** Text for the content of an element or of an attribute. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
