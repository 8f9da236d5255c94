export type LogLine = Record<string, unknown> & { message: string; level: string };

/** Creates a destination for a logger, and collects the parsed lines that it receives. */
export function captureLog<Line = LogLine>() {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  return { lines, destination: { write } };
}
