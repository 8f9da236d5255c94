import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { drawFlameGraph, type CpuProfile } from "./flame-graph.ts";

const [source, target, title, skipSeconds = "0"] = process.argv.slice(2);
if (source === undefined || target === undefined) {
  console.error("Usage: npm run flame -w bench -- <file of node --cpu-prof> <SVG file> [title] [seconds to leave out]");
  process.exitCode = 1;
} else {
  const profile = JSON.parse(await readFile(source, "utf8")) as CpuProfile;
  await writeFile(
    target,
    drawFlameGraph(profile, { title: title ?? basename(source), skipSeconds: Number(skipSeconds) }),
  );
}
