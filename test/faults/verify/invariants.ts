import { erasedLeavesNothing } from "./erasure.ts";
import { erasedSendersAreGone } from "./senders.ts";
import { countsMatch, documentsMatch, numbersAreUnique, stateIsListed } from "./state.ts";
import { refusedIsNotStored, keyGivesOneNumber, nothingIsLost, orderIsReal, storedOnce } from "./messages.ts";
import { foreignWordsStayHidden, pollersSkipNothing, writesAreReadable } from "./reading.ts";
import { changesAreNumbered, changesAreReadable, deletionsHold, editsHold } from "./changes.ts";
import { streamsAreOnTime } from "./stream-delays.ts";
import { streamsEndAsLists, streamsSkipNothing } from "./streams.ts";
import { boundsHold, everythingIsAccounted, probesArrive, servesInCalmTimes } from "./service.ts";
import type { Model } from "./model.ts";

export interface Invariant {
  readonly says: string;
  /** Returns one sentence per violation. */
  readonly check: (model: Model) => string[];
}

/** The invariants of every run. */
export const invariants = {
  I1: { says: "every acknowledged message is stored unchanged under its number", check: nothingIsLost },
  I2: { says: "no message is stored twice", check: storedOnce },
  I3: { says: "the numbers of a chat are 1…N, each assigned once", check: numbersAreUnique },
  I4: { says: "no refused message or chat is stored", check: refusedIsNotStored },
  I5: { says: "counts equal the rows in the end, and never exceed them", check: countsMatch },
  I6: { says: "a message that was acknowledged before another was sent has the smaller number", check: orderIsReal },
  I7: { says: "one idempotency key gives one number", check: keyGivesOneNumber },
  I8: { says: "the index holds exactly the rows", check: documentsMatch },
  I9: { says: "nobody reads another application's messages", check: foreignWordsStayHidden },
  I10: {
    says: "every request is served outside a fault; during a fault it is answered in time, at worst with 503",
    check: servesInCalmTimes,
  },
  I11: { says: "no failed job and no dead letter remains", check: everythingIsAccounted },
  I12: { says: "after the fault a message passes every process within 30 s", check: probesArrive },
  I13: { says: "a client that polls with after misses no message", check: pollersSkipNothing },
  I14: { says: "memory stays below the chart's limit, and no event loop is blocked for 250 ms", check: boundsHold },
  I15: { says: "gets and lists show an acknowledged message at once", check: writesAreReadable },
  I16: { says: "the api lists exactly the rows", check: stateIsListed },
  I17: { says: "an acknowledged edit is one version of its message, any other edit is at most one", check: editsHold },
  I18: { says: "a deleted message stays deleted, and nothing holds its text", check: deletionsHold },
  I19: {
    says: "each edit and deletion has a change number of its own, and the chat knows the last one",
    check: changesAreNumbered,
  },
  I20: { says: "gets, lists and searches show an acknowledged edit or deletion at once", check: changesAreReadable },
  I21: {
    says: "a stream has every message and every change once, in order, over any number of connections",
    check: streamsSkipNothing,
  },
  I22: { says: "in the end, the reader of a stream knows exactly what the list shows", check: streamsEndAsLists },
  I23: {
    says: "a deleted chat is found nowhere, and no store has anything of it in the end",
    check: erasedLeavesNothing,
  },
  I24: {
    says: "a stream shows a message in time, as far as the fault sets one",
    check: streamsAreOnTime,
  },
  I25: {
    says: "the erasure of a sender deletes all that was acknowledged before its request, and nothing sent after its answer",
    check: erasedSendersAreGone,
  },
} as const satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;
