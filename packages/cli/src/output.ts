import Table from "cli-table3";
import type { Io } from "./io.ts";

/** Results go to standard output, everything else to standard error, so that a pipe gets results alone. */
export interface Output {
  /** The command's result: one JSON document with `--json`, otherwise what `human` makes of it. */
  result(value: unknown, human: () => string): void;
  /** One of many results: a line of NDJSON with `--json`. */
  item(value: unknown, human: () => string): void;
  /** For the person at the terminal; silent with `--quiet`. */
  note(text: string): void;
}

/** Writes as the global options ask for. */
export function createOutput(io: Io, { json = false, quiet = false }: { json?: boolean; quiet?: boolean }): Output {
  const write = (text: string): void => {
    io.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  };
  return {
    result(value, human) {
      write(json ? JSON.stringify(value, plain, 2) : human());
    },
    item(value, human) {
      write(json ? JSON.stringify(value, plain) : human());
    },
    note(text) {
      if (!quiet) io.stderr.write(`${text}\n`);
    },
  };
}

/** A table without borders; cells lose what a terminal would take for a command. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return "(none)";
  const empty = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" };
  const chars = { ...empty, "bottom-left": "", "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "" };
  const view = new Table({
    head: [...head],
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

/** A text on one line, with its control characters made visible: others wrote it, and a terminal obeys some of them. */
export function printable(text: string): string {
  return text
    .replaceAll(/\r?\n/g, "↵")
    .replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** The beginning of a text, at most `length` characters, on one line. */
export function shortened(text: string, length = 80): string {
  const characters = Array.from(text);
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}

/** The database's whole numbers are bigints, which JSON does not know. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
