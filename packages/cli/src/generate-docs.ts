import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandLinePage } from "./command-line-page.ts";
import { createProgram } from "./program.ts";

const { stdin, stdout, stderr } = process;
const page = commandLinePage(createProgram({ env: {}, stdin, stdout, stderr }));
writeFileSync(join(import.meta.dirname, "../../../docs/reference/cli.md"), page);
