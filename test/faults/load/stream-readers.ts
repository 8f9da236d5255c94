import { setTimeout as pause } from "node:timers/promises";
import { staying, toItem, type Application, type MessageBody, type Target } from "./client.ts";
import { readStream, type StreamEvent } from "./event-stream.ts";
import type { EventLine } from "../history/lines.ts";
import type { Recorder } from "../history/recorder.ts";
import type { Random } from "./random.ts";

export interface StreamReader {
  readonly name: string;
  readonly recorder: Recorder;
  readonly random: Random;
  readonly targets: readonly Target[];
  readonly application: Application;
  readonly chat: number;
  readonly signal: AbortSignal;
}

/** How far a reader has come. */
export interface Progress {
  readonly app: string;
  readonly chat: number;
  /** The highest number. */
  readonly number: number;
  /** The change number of each message that the reader knows, by number; 0 if it had none. */
  readonly changes: ReadonlyMap<number, number>;
  /** The last connection was refused because the chat was deleted. */
  readonly isOver: boolean;
}

/**
 * Follows a chat from its first message on. Whenever the connection ends, the reader returns to any api process with the id of the
 * last event.
 */
export function follow(reader: StreamReader): { readonly progress: () => Progress; readonly ended: Promise<void> } {
  const { name, recorder, random, targets, application, chat, signal } = reader;
  const common = { client: name, app: application.label, chat };
  const changes = new Map<number, number>();
  let position: string | undefined;
  let isOver = false;

  async function run(): Promise<void> {
    for (let connection = 1; !signal.aborted; connection += 1) {
      const { name: via, url } = random.pick(staying(targets));
      const path = `${url}/applications/${application.token}/chats/${chat}/messages/stream`;
      let waitMs = random.between(50, 400);
      const t0 = recorder.now();
      await readStream(
        position === undefined ? `${path}?after=0` : path,
        position === undefined ? {} : { "last-event-id": position },
        signal,
        {
          onAnswer(status, problem) {
            if (signal.aborted) return;
            isOver = status === 404;
            if (isOver) waitMs = 1_000;
            const outcome = status === 200 ? "ok" : "fail";
            const known = { ...common, via, t0, t1: recorder.now(), outcome, status } as const;
            recorder.write({ type: "op", op: "stream", ...known, ...(problem !== undefined && { problem }) });
          },
          onEvent(event) {
            // It happens only now, and is in no list.
            if (event.event === "read") return;
            position = event.id ?? position;
            if (event.event === "goodbye") waitMs = (event.data as { retry_ms: number }).retry_ms;
            const line: EventLine = {
              type: "event",
              at: recorder.now(),
              ...common,
              via,
              connection,
              ...describe(event),
            };
            recorder.write(line);
            if (line.item) changes.set(line.item[0], line.change ?? 0);
            if (line.event === "reset") dropAbove(changes, line.position![0]);
          },
        },
      );
      await pause(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    ended: run(),
    progress: () => ({ app: application.label, chat, number: positionOf(position ?? "0")[0], changes, isOver }),
  };
}

/** Forgets what a reset takes back. */
export function dropAbove(messages: Map<number, unknown>, number: number): void {
  for (const each of messages.keys()) if (each > number) messages.delete(each);
}

function positionOf(id: string): [number: number, change: number] {
  const [number, change = "0"] = id.replace(/\.\d+$/, "").split("-");
  return [Number(number), Number(change)];
}

function describe({ event, id, data }: StreamEvent): Pick<EventLine, "event" | "position" | "item" | "change" | "gap"> {
  const known = { event: event as EventLine["event"], ...(id !== undefined && { position: positionOf(id) }) };
  if (event === "gap") {
    const { from, to } = data as { from: number; to: number };
    return { ...known, gap: [from, to] };
  }
  if (event === "reset" || event === "caught-up" || event === "goodbye") return known;
  const message = data as MessageBody;
  const { change_number: change } = message;
  return { ...known, item: toItem(message), ...(change !== null && { change }) };
}
