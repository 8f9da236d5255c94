import { join } from "node:path";

/** docs/reference/metrics.md. */
export const pagePath = join(import.meta.dirname, "../../../docs/reference/metrics.md");
