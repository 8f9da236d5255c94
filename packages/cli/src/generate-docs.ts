import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandLinePage } from "./command-line-page.ts";
import { configurationPage } from "./configuration-page.ts";
import { createProgram } from "./program.ts";
import { loadServiceConfig, serviceNames } from "./service-config.ts";

const folder = join(import.meta.dirname, "../../../docs/reference");
const { stdin, stdout, stderr } = process;
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "cli.md"), commandLinePage(createProgram({ env: {}, stdin, stdout, stderr })));
writeFileSync(
  join(folder, "configuration.md"),
  configurationPage(await Promise.all(serviceNames.map(loadServiceConfig))),
);
