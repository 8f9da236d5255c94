import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { findTool } from "@confab/cluster";

/**
 * Runs a program and resolves with its standard output. Rejects with all of its output if it fails. helm and kubectl
 * are also found if they are not in the PATH.
 */
export async function run(
  program: string,
  args: readonly string[],
  { input = "", env = process.env } = {},
): Promise<string> {
  const found = program === "helm" || program === "kubectl" ? await findTool(program) : program;
  const child = spawn(found, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (exit[0] !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}
