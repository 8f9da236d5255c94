import type { Model } from "./model.ts";

/** Judges I23. */
export function erasedLeavesNothing(model: Model): string[] {
  const { erasure } = model;
  if (erasure === undefined) return [];
  const { chat, operations, knownAt, remains } = erasure;
  const streams = operations.filter(({ op }) => op === "stream");
  const followed =
    streams.length > 0 && streams.at(-1)!.status !== 404
      ? [`${streams.at(-1)!.client}'s stream of chat ${chat} did not end`]
      : [];
  const left = remains
    .filter(({ count }) => count > 0)
    .map(({ store, what, count }) => `chat ${chat} was deleted, and ${store} has ${count} of it: ${what}`);
  const served = operations
    .filter(({ t0, outcome, status }) => t0 > knownAt && outcome === "ok" && status !== 404)
    .map(
      ({ client, op, status }) => `${client}'s ${op} in chat ${chat} was answered with ${status} after its deletion`,
    );
  const forgotten = operations
    .filter(({ op, status }) => op === "erase" && status === 404)
    .map(({ client }) => `${client}'s deletion of chat ${chat} was answered with 404`);
  const orphans = [...model.rows, ...model.versions, ...model.changes, ...model.documents]
    .filter(({ app }) => app === "?" && model.run.expectations.deadLetters !== true)
    .map(({ type, number }) => `the ${type} ${number} belongs to no chat`);
  return [
    ...(knownAt === Infinity ? [`chat ${chat} was never deleted`] : []),
    ...left,
    ...followed,
    ...served,
    ...forgotten,
    ...orphans,
  ];
}
