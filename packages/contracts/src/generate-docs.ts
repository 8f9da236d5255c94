import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { referenceDocuments, referenceFolder } from "./reference.ts";

mkdirSync(referenceFolder, { recursive: true });
for (const [name, text] of Object.entries(referenceDocuments())) writeFileSync(join(referenceFolder, name), text);
