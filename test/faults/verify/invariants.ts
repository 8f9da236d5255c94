import { countsMatch, documentsMatch, numbersAreUnique, stateIsListed } from "./state.ts";
import { failedStaysAway, keyGivesOneNumber, nothingIsLost, orderIsReal, storedOnce } from "./messages.ts";
import { foreignWordsStayHidden, pollersSkipNothing, writesAreReadable } from "./reading.ts";
import { boundsHold, everythingIsAccounted, probesArrive, servesInCalmTimes } from "./service.ts";
import type { Model } from "./model.ts";

export interface Invariant {
  readonly says: string;
  /** A sentence per violation. */
  readonly check: (model: Model) => string[];
}

/** What must hold in every run. */
export const invariants = {
  I1: { says: "what was acknowledged is stored, byte for byte, under its number", check: nothingIsLost },
  I2: { says: "no message is stored twice", check: storedOnce },
  I3: { says: "numbers of a chat are 1…N, each given once", check: numbersAreUnique },
  I4: { says: "what was refused is not stored", check: failedStaysAway },
  I5: { says: "counts equal the rows, and were never above them", check: countsMatch },
  I6: { says: "what was answered before another message was sent has the smaller number", check: orderIsReal },
  I7: { says: "one idempotency key gives one number", check: keyGivesOneNumber },
  I8: { says: "the index holds the rows, both ways", check: documentsMatch },
  I9: { says: "nobody reads another application's messages", check: foreignWordsStayHidden },
  I10: {
    says: "every request is served outside of faults, and within them answered in time, with 503 at worst",
    check: servesInCalmTimes,
  },
  I11: { says: "no failed job and no dead letter is left", check: everythingIsAccounted },
  I12: { says: "after the fault a message gets through every process within 30 s", check: probesArrive },
  I13: { says: "a poller with after misses nothing", check: pollersSkipNothing },
  I14: { says: "memory stays below the chart's limit, and no event loop is blocked for 250 ms", check: boundsHold },
  I15: { says: "what was acknowledged is read at once: get and lists", check: writesAreReadable },
  I16: { says: "the api lists exactly the rows", check: stateIsListed },
} as const satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;
