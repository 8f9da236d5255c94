import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { verify, type Verdict } from "./verdict.ts";
import type { FinalLine, HistoryLine } from "../history/lines.ts";

/** The names of the two files in a run's folder. */
export const [historyFile, finalFile] = ["history.jsonl", "final-state.jsonl"] as const;

/** Reads the history and the final state of a run from its folder. */
export async function readRun(folder: string): Promise<{ history: HistoryLine[]; final: FinalLine[] }> {
  const read = async (file: string) => (await readFile(join(folder, file), "utf8")).trimEnd().split("\n");
  const [history, final] = await Promise.all([read(historyFile), read(finalFile)]);
  return {
    history: history.map((line) => JSON.parse(line) as HistoryLine),
    final: final.map((line) => JSON.parse(line) as FinalLine),
  };
}

/** Judges a recorded run again, from the files in its folder. */
export async function verifyFolder(folder: string): Promise<Verdict> {
  const { history, final } = await readRun(folder);
  return verify(history, final);
}
