import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const source = join(import.meta.dirname, "../../stick");

/**
 * Builds the Go service into a folder. Resolves with the path of the program. If Go is not installed, writes a line to
 * stderr and resolves with undefined.
 */
export async function buildStick(folder: string): Promise<string | undefined> {
  const program = join(folder, "stick");
  try {
    await promisify(execFile)("go", ["build", "-o", program, "."], { cwd: source, timeout: 300_000 });
    return program;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    console.error("Go is not installed, so everything that compares with the Go service is left out.");
    return undefined;
  }
}
