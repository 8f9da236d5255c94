import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "./openapi.ts";
import { postmanCollection } from "./postman.ts";
import { problemsPage } from "./problems-page.ts";

/** Where the documents lie that are made from the contracts. */
export const referenceFolder = join(import.meta.dirname, "../../../docs/reference");

/** Every document that is made from the contracts, by file name. */
export function referenceDocuments(): Record<string, string> {
  const manifest = readFileSync(join(import.meta.dirname, "../package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  return {
    "openapi.json": inJson(openApiDocument({ publicUrl: "http://localhost:8080", version })),
    "problems.md": problemsPage(),
    "confab.postman_collection.json": inJson(postmanCollection()),
  };
}

function inJson(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
