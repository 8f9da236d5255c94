import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";
import { findTool } from "../src/tools.ts";

export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Every function of Tilt's that the Tiltfile may call; another one is an error, as it is in Tilt. */
const builtins = [
  ...["allow_k8s_contexts", "docker_build", "fall_back_on", "helm", "k8s_resource", "k8s_yaml", "link"],
  ...["local_resource", "read_json", "sync"],
];

/** What Python has and Starlark, Tilt's language, has not. */
const notStarlark =
  /\b(import|from|class|while|try|except|finally|raise|with|yield|global|nonlocal|is|del|assert|async|await)\b|\*\*\s*\w+\s*[^,)\s]|\b[fF]["']|:=/;

/**
 * Runs a Tiltfile in a Python interpreter, of which Starlark is a part, in which Tilt's functions note their calls; `helm` really
 * renders, and `load` brings functions that note theirs. Throws on an unknown function and on what Starlark does not have.
 */
export async function evaluateTiltfile(text: string, folder: string): Promise<Call[]> {
  const code = text.replaceAll(/#.*$/gm, "").replaceAll(/(["'])(?:(?!\1).)*\1/g, "''");
  const foreign = notStarlark.exec(code)?.[0];
  if (foreign !== undefined) throw new Error(`Starlark has no ${foreign}`);

  const helm = await findTool("helm");
  const calls: Call[] = [];
  const answer = (name: string, args: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown => {
    calls.push({ name, args, options });
    if (name === "read_json") return JSON.parse(readFileSync(join(folder, String(args[0])), "utf8"));
    if (name === "helm") return template(helm, folder, args, options);
    return { [name]: args };
  };

  const python = await loadMicroPython({ heapsize: 8 * 1024 * 1024 });
  python.globals.set("answer", (name: string, given: string) => {
    const [args, options] = JSON.parse(given) as [unknown[], Record<string, unknown>];
    return JSON.stringify(answer(name, args, options));
  });
  python.globals.set("tiltfile", text);
  python.globals.set("builtins", JSON.stringify(builtins));
  python.runPython(interpreter);
  return calls;
}

const interpreter = `
import json

def noting(name):
    def call(*args, **options):
        return json.loads(answer(name, json.dumps([args, options])))
    return call

class config:
    define_string_list = staticmethod(noting("config.define_string_list"))
    parse = staticmethod(lambda: {})
    set_enabled_resources = staticmethod(noting("config.set_enabled_resources"))

names = {name: noting(name) for name in json.loads(builtins)}
names["config"] = config
names["TRIGGER_MODE_MANUAL"] = "manual"
names["load"] = lambda source, *loaded: names.update({name: noting(name) for name in loaded})
exec(tiltfile, names)
`;

function template(
  helm: string,
  folder: string,
  [chart]: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): string {
  const { name, namespace, values } = options as { name: string; namespace: string; values: readonly string[] };
  const args = ["template", name, String(chart), "--namespace", namespace];
  for (const file of values) args.push("--values", file);
  const { status, stdout, stderr } = spawnSync(helm, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
