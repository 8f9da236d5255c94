/** Prints a figure below the test that measured it. */
export function report(line: string): void {
  process.stdout.write(`${line.replaceAll(/^/gm, "      ")}\n`);
}
