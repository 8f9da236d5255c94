import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { documents, repository } from "./documents.ts";

for (const [path, text] of Object.entries(documents())) writeFileSync(join(repository, path), text);
