// Loaded into a service with --import: one text in one of its source files is another one. For controls alone.
import fs from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import { mutantVariable, type SourceMutant } from "./source-mutant.ts";

const { file, from, to } = JSON.parse(process.env[mutantVariable] ?? "{}") as SourceMutant;

function mutate(text: string): string {
  const mutated = text.replace(from, to);
  // A control that changes nothing would look like a verifier that notices nothing.
  if (mutated === text) throw new Error(`${file} does not hold the text that the control replaces: ${from}`);
  return mutated;
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(file) || loaded.source == null) return loaded;
    return { ...loaded, source: mutate(Buffer.from(loaded.source as Uint8Array).toString("utf8")) };
  },
});

// Scripts for Redis are read as files.
const readFileSync = fs.readFileSync;
fs.readFileSync = ((path: fs.PathOrFileDescriptor, options: never) => {
  const content: unknown = readFileSync(path, options);
  const name = path instanceof URL ? fileURLToPath(path) : String(path);
  return typeof content === "string" && file.endsWith(".lua") && name.endsWith(file) ? mutate(content) : content;
}) as typeof fs.readFileSync;
syncBuiltinESMExports();
