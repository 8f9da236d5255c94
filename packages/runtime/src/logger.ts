import { pino, stdSerializers, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { censors, redact } from "./redact.ts";

export type { Logger } from "pino";

export interface LogOptions {
  readonly level: string;
  readonly service: string;
  readonly version?: string | undefined;
}

/**
 * Writes JSON lines to standard output, with ISO times and the level as a word. Fields with the names of bodies, keys and tokens are
 * redacted, down to three levels. Writing does not block; `flush` waits for the lines that are not written yet.
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
    // Without a minimum length, `flush` does not wait for a write under way.
    destination ?? pino.destination({ dest: process.stdout.fd, sync: false, minLength: 1 }),
  );
}

/** Returns enough of a token to find an application's log lines, and too little to use it. */
export function shortToken(token: string): string {
  return token.slice(0, 8);
}

/** Keeps only the text of an error and of its causes: client libraries attach requests, with message bodies, as properties. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { type, message, stack } = stdSerializers.err(error);
  return { type, message, stack, ...("code" in error && { code: error.code }) };
}
