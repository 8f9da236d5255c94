import type { Fault } from "./fault.ts";
import { messageFaults } from "./message-faults.ts";
import { otherFaults, redisFaults } from "./store-faults.ts";

export const faults: readonly Fault[] = [...messageFaults, ...otherFaults, ...redisFaults];
