import { setTimeout as pause } from "node:timers/promises";
import type { Operation } from "../history/lines.ts";
import type { Client, Application, Letter, Target } from "./client.ts";
import type { Random } from "./random.ts";

export interface Pace {
  /** Pause in ms between two messages of a writer. */
  readonly pauseMs: number;
  /** Maximum number of bytes (approximately) that follow the uid and the canary in a body. */
  readonly fillerBytes: number;
}

export interface Writer {
  readonly client: Client;
  readonly random: Random;
  readonly applications: readonly Application[];
  /** The processes to send to. The writer keeps using one until it drains or refuses a connection. */
  readonly targets: readonly Target[];
  readonly pace: Pace;
  /** Possible senders. Each message names one of them; if the list is empty, messages have no sender. */
  readonly senders: readonly string[];
  /** Aborts when no new messages may be sent. */
  readonly signal: AbortSignal;
  /** Aborts when messages with unknown outcome and refused messages may no longer be sent again. */
  readonly settling: AbortSignal;
  readonly pickChat: (application: Application, random: Random) => number;
  readonly onAcknowledged: (letter: Letter, number: number) => void;
}

/**
 * Sends one message after another. Every second message has an idempotency key, and is sent again until its outcome is
 * known. The others are sent again only if they were certainly not accepted. Some requests are batch requests.
 */
export async function write(writer: Writer, index: number): Promise<void> {
  const { random, signal, pace } = writer;
  let via = index % writer.targets.length;
  for (let counter = 1; !signal.aborted;) {
    const size = random.next() < 0.1 ? random.between(2, 12) : 1;
    const letters = Array.from({ length: size }, () => createLetter(writer, counter++));
    let waiting: Letter[] = letters;
    for (let attempt = 1; waiting.length > 0 && attempt <= 200 && !writer.settling.aborted; attempt += 1) {
      if (writer.targets[via % writer.targets.length]!.isDraining) via += 1;
      const target = writer.targets[via % writer.targets.length]!;
      const operations =
        size === 1
          ? [await writer.client.send(target, waiting[0]!, attempt)]
          : await writer.client.sendBatch(target, waiting, attempt);
      waiting = waiting.filter((letter, at) => settle(writer, letter, operations[at]!));
      if (operations[0]?.problem === "ECONNREFUSED") via += 1;
      if (waiting.length > 0) await pause(random.between(60, 240));
    }
    await pause(pace.pauseMs * (0.5 + random.next()));
  }
}

/** Reports an acknowledged letter. Returns whether the letter must be sent again. */
function settle({ onAcknowledged }: Writer, letter: Letter, operation: Operation): boolean {
  if (operation.outcome === "ok") {
    onAcknowledged(letter, operation.number!);
    return false;
  }
  return operation.outcome === "info" ? letter.key !== undefined : operation.status === 0 || operation.status >= 429;
}

const words = ["alpha", "Bär", "gamma", "δέλτα", "epsilon", "zeta", "e\u0301ta", "😀", "theta", "йота"];

function createLetter({ client, random, applications, pickChat, pace, senders }: Writer, counter: number): Letter {
  const application = random.pick(applications);
  const chat = pickChat(application, random);
  const uid = `${application.label}.${chat}.${client.name}.${String(counter).padStart(5, "0")}`;
  const filler: string[] = [];
  for (let bytes = random.between(0, pace.fillerBytes); bytes > 0;) {
    const word = random.pick(words);
    filler.push(word);
    bytes -= Buffer.byteLength(word) + 1;
  }
  const body = [uid, application.canary, ...filler].join(" ");
  const sender = senders.length > 0 ? { sender: random.pick(senders) } : {};
  return { application, chat, uid, body, ...sender, ...(counter % 2 === 0 && { key: uid }) };
}
