import { join } from "node:path";

/** The chart's folder. The tests run from source, so it is two folders up. */
export const chartFolder = join(import.meta.dirname, "../..");
export const repositoryFolder = join(chartFolder, "../..");
