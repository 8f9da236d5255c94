import { writeFileSync } from "node:fs";
import { metricsPage } from "./metrics-page.ts";
import { pagePath } from "./page-path.ts";

writeFileSync(pagePath, metricsPage());
