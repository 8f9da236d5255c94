import { ProblemError, maxBatchItems } from "@confab/contracts";
import type { IncomingMessage } from "node:http";
import { parseJson, readText } from "./body.ts";

/**
 * Reads newline-delimited JSON as `{ messages }`, what the same batch is as JSON. A line that isn't JSON stays in its place as a ProblemError, so
 * that it costs its neighbours nothing; more lines than a batch may have are a 413 before they are parsed.
 */
export async function readNdjson(req: IncomingMessage, limitBytes: number): Promise<{ messages: unknown[] }> {
  const lines = (await readText(req, limitBytes)).split("\n").filter((line) => line.trim() !== "");
  if (lines.length > maxBatchItems) {
    throw new ProblemError("payload-too-large", { detail: `A batch may have at most ${maxBatchItems} messages.` });
  }
  return { messages: lines.map(parseLine) };
}

function parseLine(line: string): unknown {
  try {
    return parseJson(line);
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
}
