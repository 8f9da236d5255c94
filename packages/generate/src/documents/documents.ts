import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "@confab/contracts";
import { nginxProblems } from "./nginx-problems.ts";
import { problemsPage } from "./problems-page.ts";

export const repository = join(import.meta.dirname, "../../../..");

/** Returns the texts of all documents that are generated from the contracts, by their paths in the repository. */
export function documents(): Record<string, string> {
  const manifest = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const openApi = openApiDocument({ publicUrl: "http://localhost:8080", version });
  return {
    "docs/reference/openapi.json": `${JSON.stringify(openApi, null, 2)}\n`,
    "docs/reference/problems.md": problemsPage(),
    "packages/local/nginx-problems.conf": nginxProblems(),
  };
}
