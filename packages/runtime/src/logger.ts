import { pino, stdSerializers, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { censors, redact } from "./redact.ts";

export type { Logger } from "pino";

export interface LogOptions {
  readonly level: string;
  readonly service: string;
  readonly version?: string | undefined;
}

/**
 * Creates a logger that writes JSON lines to standard output, with ISO times and the level as a word. Values of fields
 * whose names stand for bodies, keys or tokens are redacted, down to three levels. Writing does not block; `flush`
 * waits for lines that are not written yet.
 */
export function createLogger(options: LogOptions, destination?: DestinationStream): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service, ...(options.version !== undefined && { version: options.version }) },
      timestamp: stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }), log: redact },
      serializers: { ...censors, err: serializeError },
    },
    // Without a minimum length, `flush` would not wait for a write in progress.
    destination ?? pino.destination({ dest: process.stdout.fd, sync: false, minLength: 1 }),
  );
}

/** Returns enough of a token to find an application's log lines, but too little to use it. */
export function shortToken(token: string): string {
  return token.slice(0, 8);
}

/**
 * Keeps only the text of an error and of its causes. Client libraries attach requests, which contain message bodies, as
 * properties.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { type, message, stack } = stdSerializers.err(error);
  return { type, message, stack, ...("code" in error && { code: error.code }) };
}
