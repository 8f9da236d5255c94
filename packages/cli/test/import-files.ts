import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { sorted } from "./conversations.ts";
import { useStack } from "./stack.ts";

/**
 * Starts a stack for the tests in a file. Its gateway lets all requests through again after each test. Returns
 * functions that write files for the import, list applications, and read what an export contains.
 */
export function useImports() {
  const stack = useStack();
  afterEach(() => {
    stack.gateway.beforeBatch(() => "pass on");
    stack.gateway.beforeChat(() => undefined);
  });

  /** Returns the exported lines of the applications whose names have this prefix. */
  async function exportedWithIds(prefix: string): Promise<string[]> {
    const { code, stdout } = await stack.run(["export"]);
    expect(code).to.equal(0);
    return sorted(stdout).filter((line) => line.startsWith(`{"application":"${prefix}`));
  }
  /** Returns the same lines without the ids of the applications, which differ after an import. */
  async function exported(prefix: string): Promise<string[]> {
    return withoutIds((await exportedWithIds(prefix)).join("\n"));
  }

  async function written(name: string, text: string | Uint8Array): Promise<string> {
    const file = join(stack.folder, name);
    await writeFile(file, text);
    return file;
  }

  async function applicationsNamed(wanted: string): Promise<{ name: string; token: string }[]> {
    const all = await stack.json<{ name: string; token: string }[]>("app", "list", "--all");
    return all.filter(({ name }) => name === wanted);
  }

  return { stack, written, applicationsNamed, exportedWithIds, exported };
}

export function withoutIds(text: string): string[] {
  return sorted(text.replaceAll(/"application_id":"[0-9a-f]{16}",/g, ""));
}
