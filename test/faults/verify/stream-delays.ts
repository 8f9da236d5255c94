import { chatKey, isDisturbed, type Model, type Sent } from "./model.ts";
import type { EventLine } from "../history/lines.ts";

/** Judges I24. */
export function streamsAreOnTime(model: Model): string[] {
  const { streamedWithinMs, recoverWithinMs } = model.run.expectations;
  if (streamedWithinMs === undefined) return [];
  const openedAt = openings(model);
  return model.events.flatMap((event) => {
    const message = event.event === "message" ? model.sent.get(event.item![1]) : undefined;
    if (message?.outcome !== "ok") return [];
    // A reader that has just reconnected catches up first.
    const from = Math.max(message.knownAt, openedAt(event));
    const mostMs = streamedWithinMs + (isDisturbed(model, dueTimeOf(message, event)) ? recoverWithinMs : 0);
    const tookMs = (event.at - from) / 1e6;
    return tookMs > mostMs ? [`${event.client} was shown ${message.uid} ${Math.round(tookMs)} ms late`] : [];
  });
}

/** Returns the time span in which the event was due. */
const dueTimeOf = ({ knownAt }: Sent, { at }: EventLine) => ({ t0: knownAt, t1: at });

/**
 * Returns a function that finds the time at which an event's connection was answered. The requests of a reader are in
 * the order of its connections.
 */
function openings({ operations }: Model): (event: EventLine) => number {
  const streams = Map.groupBy(
    operations.filter(({ op }) => op === "stream"),
    (operation) => `${operation.client} ${chatKey(operation)}`,
  );
  return (event) => streams.get(`${event.client} ${chatKey(event)}`)?.[event.connection - 1]?.t1 ?? 0;
}
