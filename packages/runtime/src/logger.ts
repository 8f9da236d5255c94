import { pino, stdSerializers, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger } from "pino";
import { censors, redact } from "./redact.ts";

export type { Logger } from "pino";

export interface LogOptions {
  readonly level: string;
  readonly service: string;
  readonly version?: string | undefined;
}

/**
 * JSON lines on standard output with ISO times and the level as a word. Message bodies, keys and application tokens are redacted by
 * their names, down to three levels; lines are written without blocking: `flush` tells when all are out.
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
    // Only with a least length does `flush` wait for what is being written.
    destination ?? pino.destination({ dest: process.stdout.fd, sync: false, minLength: 1 }),
  );
}

/** Enough of an application's token to find its lines, and too little to use it. */
export function shortToken(token: string): string {
  return token.slice(0, 8);
}

/** Keeps the text of an error and its causes only: clients attach requests, and so message bodies, as further properties. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { type, message, stack } = stdSerializers.err(error);
  return { type, message, stack, ...("code" in error && { code: error.code }) };
}
