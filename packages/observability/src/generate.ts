import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { chartFolder, generatedFiles } from "./generated-files.ts";

for (const [path, text] of Object.entries(await generatedFiles())) writeFileSync(join(chartFolder, path), text);
