import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chartFolder } from "./paths.ts";
import { readme } from "./readme.ts";
import { documentedValues, valueEntries } from "./values-file.ts";
import { valuesSchema } from "./values-schema.ts";

const prose = readFileSync(join(chartFolder, "README.template.md"), "utf8");
writeFileSync(join(chartFolder, "README.md"), readme(documentedValues(), prose));
writeFileSync(
  join(chartFolder, "values.schema.json"),
  `${JSON.stringify(valuesSchema(valueEntries()), undefined, 2)}\n`,
);
