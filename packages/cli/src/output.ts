import Table from "cli-table3";
import type { Io } from "./io.ts";

export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly localTime?: boolean;
}

/** Results go to standard output and everything else to standard error, so that a pipe gets only results. */
export interface Output {
  /** Writes the command's result: one JSON document with `--json`, otherwise the text from `human`. */
  result(value: unknown, human: () => string): void;
  /** Writes one of many results: a line of NDJSON with `--json`, otherwise the text from `human`. */
  item(value: unknown, human: () => string): void;
  /** Writes a note for the person at the terminal, unless `--quiet` is given. */
  note(text: string): void;
  /**
   * Formats a time of the API for a person: in UTC, or with `--local-time` in the time zone of the machine or of TZ.
   */
  readonly time: (iso: string) => string;
}

/** Creates the output for the given global options. */
export function createOutput(io: Io, { json = false, quiet = false, localTime = false }: OutputOptions): Output {
  const write = (text: string): void => {
    io.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  };
  return {
    result(value, human) {
      write(json ? JSON.stringify(value, withBigints, 2) : human());
    },
    item(value, human) {
      write(json ? JSON.stringify(value, withBigints) : human());
    },
    note(text) {
      if (!quiet) io.stderr.write(`${text}\n`);
    },
    time: (iso) => (localTime ? inLocalTime(new Date(iso)) : iso),
  };
}

/** Formats a time as local time, for example "2026-11-25 21:30:05.123 +01:00". */
function inLocalTime(time: Date): string {
  const offset = -time.getTimezoneOffset();
  const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const shifted = new Date(time.getTime() + offset * 60_000).toISOString();
  const zone = [hours, minutes].map((part) => String(part).padStart(2, "0")).join(":");
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 23)} ${offset < 0 ? "-" : "+"}${zone}`;
}

type Row = readonly (string | number)[];

/** Returns a table without borders. Control characters in cells are made visible. */
export function table(head: readonly string[], rows: readonly Row[]): string {
  return rows.length === 0 ? "(none)" : columns([head, ...rows]);
}

/** Returns aligned columns without a header. */
export function columns(rows: readonly Row[]): string {
  const empty = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" };
  const chars = { ...empty, "bottom-left": "", "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "" };
  const view = new Table({
    chars: { ...chars, right: "", "right-mid": "", middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  view.push(...rows.map((row) => row.map((cell) => (typeof cell === "string" ? printable(cell) : cell))));
  return view
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/**
 * Returns text on one line with its control characters made visible. Clients wrote the text, and a terminal obeys some
 * control characters.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/\r?\n/g, "↵")
    .replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Returns the beginning of a text, at most `length` characters. */
export function shortened(text: string, length = 80): string {
  const characters = Array.from(text);
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}

/** Returns a count with its noun, for example "1 chat" or "2 chats". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Formats a retention limit for a person: an empty text if there is no limit, and "for ever" for 0. */
export function inDays(limit: number | null): string {
  if (limit === null) return "";
  return limit === 0 ? "for ever" : counted(limit, "day");
}

/** Converts bigints to text, because JSON has none. Ids in the database are bigints. */
function withBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
