const hidden = new Set(["level", "time", "service", "pid", "hostname", "version"]);
const colours: Record<string, number> = { TRACE: 90, DEBUG: 90, INFO: 36, WARN: 33, ERROR: 31, FATAL: 35 };
const numericLevels: Record<number, string> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};

/**
 * Makes a line readable. JSON from the services or the access log becomes time, source, level, message and fields;
 * other text is unchanged.
 */
export function formatLogLine(line: string, source: string, colour: boolean): string {
  const entry = parse(line);
  const name = source.padEnd(13);
  if (entry === undefined) return `${name} ${line}`;
  const { time, level, message, ...fields } = entry;
  if (message === undefined && "request_time" in entry) return `${timeOfDay(time)} ${name} ${accessLine(entry)}`;
  const word = levelWord(level);
  const code = colours[word];
  const shown = colour && code !== undefined ? `\u001b[${code}m${word.padEnd(5)}\u001b[0m` : word.padEnd(5);
  const pairs = Object.entries(fields).flatMap(([key, value]) => (hidden.has(key) ? [] : [`${key}=${show(value)}`]));
  const text = message === undefined ? [] : [show(message)];
  return [timeOfDay(time), name, shown, ...text, ...pairs].join(" ");
}

/**
 * Returns the time at which a line was written, in milliseconds since 1970, or undefined if it neither begins with a
 * time nor contains one as JSON.
 */
export function timeOfLine(line: string): number | undefined {
  const time = parse(line)?.time ?? /^\[?(\d{4}[-/]\d{2}[-/]\d{2}[ T]+\d{1,2}:\d{2}:\d{2})/.exec(line)?.[1];
  const date = typeof time === "string" || typeof time === "number" ? new Date(time).getTime() : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function accessLine({
  method,
  uri,
  status,
  request_time: seconds,
  remote_addr: address,
  request_id: id,
}: Record<string, unknown>): string {
  const milliseconds = Math.round(Number(seconds) * 1000);
  return `${show(method)} ${show(uri)} ${show(status)} ${milliseconds} ms ${show(address)} request_id=${show(id)}`;
}

function levelWord(level: unknown): string {
  if (typeof level === "number") return numericLevels[level] ?? String(level);
  return typeof level === "string" ? level.toUpperCase() : "";
}

/** Formats a time of day in local time; `time` is ISO 8601 or milliseconds since 1970. */
function timeOfDay(time: unknown): string {
  const date = typeof time === "string" || typeof time === "number" ? new Date(time) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) return "";
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  // The stack of a logged error is printed on separate lines.
  if (typeof value === "object" && value !== null && "stack" in value) return `\n  ${String(value.stack)}`;
  return JSON.stringify(value);
}
