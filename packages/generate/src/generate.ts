import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { documents, repository } from "./documents/documents.ts";
import { chartFolder, generatedFiles } from "./generated-files.ts";

for (const [path, text] of Object.entries(documents())) writeFileSync(join(repository, path), text);
for (const [path, text] of Object.entries(await generatedFiles())) writeFileSync(join(chartFolder, path), text);
