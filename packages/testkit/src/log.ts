export type LogLine = Record<string, unknown> & { message: string; level: string };

/** Creates a destination for a logger. It collects and parses the lines that it receives. */
export function captureLog() {
  const lines: LogLine[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as LogLine);
  return { lines, destination: { write } };
}
