export { run } from "./run.ts";
export type { RunResult } from "./run.ts";
export { findTool } from "./tools.ts";
export type { Tool } from "./tools.ts";
