// Services load this file with --import. It replaces texts in their source files. Only controls use it.
import fs from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import { mutantsVariable, type SourceMutant } from "./source-mutant.ts";

const mutants = JSON.parse(process.env[mutantsVariable] ?? "[]") as SourceMutant[];

function mutate(name: string, text: string): string {
  return mutants
    .filter(({ file }) => name.endsWith(file))
    .reduce((source, { file, from, to }) => {
      const mutated = source.replace(from, to);
      // Without this error, a control that changes nothing would look like a verifier that misses the violation.
      if (mutated === source) throw new Error(`${file} does not contain the text that the control replaces: ${from}`);
      return mutated;
    }, text);
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (loaded.source == null || !mutants.some(({ file }) => url.endsWith(file))) return loaded;
    return { ...loaded, source: mutate(url, Buffer.from(loaded.source as Uint8Array).toString("utf8")) };
  },
});

// The Lua scripts are not imported, so their reads are patched as well.
const readFileSync = fs.readFileSync;
fs.readFileSync = ((path: fs.PathOrFileDescriptor, options: never) => {
  const content: unknown = readFileSync(path, options);
  const name = path instanceof URL ? fileURLToPath(path) : String(path);
  return typeof content === "string" && name.endsWith(".lua") ? mutate(name, content) : content;
}) as typeof fs.readFileSync;
syncBuiltinESMExports();
