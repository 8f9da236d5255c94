import { spawn } from "node:child_process";
import { once } from "node:events";
import { main, type Ended } from "./stack.ts";

export const [hideCursor, showCursor] = ["\u001b[?25l", "\u001b[?25h"];
export const [lineWrapOff, lineWrapOn] = ["\u001b[?7l", "\u001b[?7h"];

/** Starts confabctl in its own terminal, with `script` of util-linux. All output is in `stdout`. */
export function startInTerminal(args: readonly string[], env: Readonly<Record<string, string>>) {
  const command = [process.execPath, "--conditions=@confab/source", main, ...args].map((part) => `'${part}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    env: { PATH: process.env.PATH, TERM: "xterm", ...env },
  });
  let screen = "";
  child.stdout.on("data", (bytes: Buffer) => (screen += bytes.toString()));
  const ended = (async (): Promise<Ended> => {
    const [code] = (await once(child, "close")) as [number | null];
    return { stdout: screen, stderr: "", code };
  })();
  return { ended, screen: () => screen, press: (keys: string) => child.stdin.write(keys) };
}
