import { isTransient, isUnavailable } from "@confab/database";
import { ReplicasMissing } from "@confab/redis";
import { SettingsRefused } from "@confab/runtime";

/** Returns whether to try again later: a store is unavailable or must not be used now, or a transaction lost a race. */
export function shouldWait(error: unknown): boolean {
  return (
    isUnavailable(error) || isTransient(error) || error instanceof ReplicasMissing || error instanceof SettingsRefused
  );
}
