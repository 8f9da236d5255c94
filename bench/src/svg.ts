/** Readable on white and on black. */
export const grey = "#808080";

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
