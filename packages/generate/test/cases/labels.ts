import type { Series } from "./alert-case.ts";

export const page = { namespace: "chat", severity: "critical" } as const;
export const ticket = { namespace: "chat", severity: "warning" } as const;

/** Returns the series of a store that no replica of the api can reach from the first minute on. */
export function unreachable(dependency: string): Series {
  return `confab_dependency_up{namespace="chat",service="api",dependency="${dependency}"} 1 0x400`;
}
