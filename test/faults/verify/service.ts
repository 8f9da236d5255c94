import { isChange, isChangedForLost, isDisturbed, isRenumbered, isUnserved, type Model } from "./model.ts";
import type { Operation } from "../history/lines.ts";

const mebibyte = 1024 ** 2;
/** Memory limit of each process: `resources.limits.memory` of the chart, which is the same for each service. */
const memoryLimit = 512 * mebibyte;
const longestBlockMs = 250;
const probeMs = 30_000;
/** Maximum time in ms that a change of a pending message waits until the message is stored. */
const changeWaitMs = 2_000;

/** Judges I10. */
export function servesInCalmTimes(model: Model): string[] {
  const { noFailures = false, answerWithinMs, calmStatuses = [] } = model.run.expectations;
  const describe = ({ client, op, via, status, problem = "" }: Operation) =>
    `${client}: ${op} through ${via} got ${status || "no answer"} ${problem}`;
  const { beganAt = Infinity, operations = [] } = model.erasure ?? {};
  const isErased = (operation: Operation) => operations.includes(operation) && operation.t1 > beganAt;
  const served = [...model.operations, ...operations].flatMap((operation) => {
    const tookMs = (operation.t1 - operation.t0) / 1e6;
    if (tookMs > answerWithinMs + (isChange(operation) ? changeWaitMs : 0))
      return [`${describe(operation)} after ${Math.round(tookMs)} ms`];
    if (operation.status >= 500 && operation.status !== 503) return [`${describe(operation)}, which no fault explains`];
    if (operation.status === 404 && isErased(operation)) return [];
    if (!isUnserved(operation) || calmStatuses.includes(operation.status)) return [];
    if (noFailures && operation.problem !== "ECONNREFUSED")
      return [`${describe(operation)}, but this fault must not cause failures`];
    return isDisturbed(model, operation) ? [] : [`${describe(operation)} outside any fault`];
  });
  return [...served, ...noneServed(model)];
}

/**
 * Returns an error for each kind of request that was never served outside a fault. On a busy machine, some requests
 * take too long, but not all of them.
 */
function noneServed(model: Model): string[] {
  const calm = model.operations.filter((operation) => !isDisturbed(model, operation));
  const kinds = Map.groupBy(calm, (operation) => (isChange(operation) ? "change" : operation.op));
  return [...kinds]
    .filter(([, all]) => all.length >= 20 && all.every(({ status }) => status >= 500 || status === 429))
    .map(([kind, { length }]) => `none of ${length} requests of the kind ${kind} outside any fault was served`);
}

/** Judges I11. */
export function everythingIsAccounted({ run, quiet, deadLetters }: Model): string[] {
  const unexpected = run.expectations.deadLetters === true ? [] : deadLetters;
  const wrong = unexpected.map(({ uid, number }) => `${uid} (${number}) is a dead letter`);
  if (quiet !== undefined && quiet.failedJobs > 0) wrong.push(`${quiet.failedJobs} jobs failed permanently`);
  return wrong;
}

/**
 * Judges I12. A probe must have passed each process that is running at the end, and the system must have finished all
 * work.
 */
export function probesArrive(model: Model): string[] {
  const { run, probes, quiet, sent } = model;
  const wrong: string[] = [];
  for (const ingest of run.processes.ingest) {
    const mine = probes.filter((probe) => probe.ingest === ingest);
    if (mine.length === 0) wrong.push(`no probe passed ${ingest}`);
    for (const { uid, acceptedMs = Infinity, storedMs = Infinity, readableMs, searchableMs } of mine) {
      if (acceptedMs > probeMs) wrong.push(`${uid} was not accepted by ${ingest} within 30 s`);
      else if (storedMs > probeMs) wrong.push(`${uid} was not stored within 30 s`);
      const message = sent.get(uid);
      // The message was found, but under a number other than the acknowledged one.
      const isElsewhere = message !== undefined && isRenumbered(model, message);
      // A message that was changed by mistake has another text, so neither a get nor a search finds the probe's text.
      if (message !== undefined && isChangedForLost(model, message)) continue;
      for (const api of run.processes.api) {
        if (!isElsewhere && (readableMs[api] ?? Infinity) > probeMs)
          wrong.push(`${uid} was not readable through ${api} within 30 s`);
        if ((searchableMs[api] ?? Infinity) > probeMs)
          wrong.push(`${uid} was not searchable through ${api} within 30 s`);
      }
    }
  }
  if (quiet?.reached !== true)
    wrong.push(
      `the system did not finish its work: ${String(quiet?.pending)} messages are pending, ${String(quiet?.outbox)} ranges are in the search outbox, ${String(quiet?.erasures)} erasures are not finished`,
    );
  return wrong;
}

/** Judges I14. */
export function boundsHold({ run, samples }: Model): string[] {
  const judged = samples.filter(({ process }) => run.expectations.unjudgedProcesses?.includes(process) !== true);
  return judged.flatMap(({ process, rssBytes, blockedMs }) => [
    ...(rssBytes > memoryLimit ? [`${process} used ${Math.round(rssBytes / mebibyte)} MiB`] : []),
    ...(blockedMs > longestBlockMs ? [`${process}'s event loop was blocked for ${Math.round(blockedMs)} ms`] : []),
  ]);
}
