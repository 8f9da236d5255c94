import { join } from "node:path";

/** Path of docs/reference/metrics.md. */
export const pagePath = join(import.meta.dirname, "../../../docs/reference/metrics.md");
