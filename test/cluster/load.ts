import { setTimeout as pause } from "node:timers/promises";
import { createClient, type Answer } from "./http.ts";
import { edgeUrl } from "./release.ts";
import type { Acknowledged } from "./stored.ts";

/** Kinds of requests: send a message, read a message, list messages, search messages, get the chat. */
export const requestKinds = ["send", "read", "list", "search", "chat"] as const;
export type RequestKind = (typeof requestKinds)[number];

/** The results of all requests of one kind. */
export interface Figures {
  answered: number;
  /** Number of failures by description, such as `503 sending-unavailable` or `no answer: …`. */
  readonly failed: Record<string, number>;
  /** Time in ms of the slowest answer or failure. */
  slowestMs: number;
  slowestFailureMs: number;
  /** Time of the last failure by `performance.now()`; 0 if there was none. */
  lastFailedAt: number;
}

export interface LoadReport {
  readonly acknowledged: readonly Acknowledged[];
  readonly requests: Readonly<Record<RequestKind, Figures>>;
  /** Rate of acknowledged messages, per second. */
  readonly rate: number;
  /** Longest time in ms between two acknowledgements. */
  readonly longestGapMs: number;
}

export interface Load {
  /** Returns the time of the latest failure of any kind by `performance.now()`, or 0 if there was none. */
  lastFailedAt(): number;
  stop(): Promise<LoadReport>;
}

export interface LoadOptions {
  readonly token: string;
  readonly chats: readonly number[];
  /** Number of clients that send, and number of clients that read the sent messages. */
  readonly writers?: number;
  readonly readers?: number;
  /** Pause in ms between an answer and the client's next request. */
  readonly pauseMs?: number;
  /**
   * Whether stores may be unavailable. In that case, refused and unanswered messages are sent again with the same key
   * until they are accepted.
   */
  readonly retry?: boolean;
}

/** Timeout in ms, which is longer than any answer may take. A slower answer counts as a failure. */
const timeoutMs = 5_000;

/** Sends single messages with unique bodies, and reads them in every way, until the load is stopped. */
export function startLoad({
  token,
  chats,
  writers = 16,
  readers = 6,
  pauseMs = 100,
  retry = false,
}: LoadOptions): Load {
  const client = createClient(edgeUrl, { timeoutMs });
  const acknowledged: Acknowledged[] = [];
  const requests = Object.fromEntries(requestKinds.map((kind) => [kind, noFigures()])) as Record<RequestKind, Figures>;
  const run = Date.now().toString(36);
  const began = performance.now();
  let running = true;
  let lastAt = began;
  let longestGapMs = 0;

  /**
   * Waits for the answer to a request. If the answer is not as expected, counts a failure and resolves with undefined;
   * throws an error if the status is a 4xx. `wrong` returns what is wrong with the content of an answer.
   */
  async function ask(
    kind: RequestKind,
    sent: Promise<Answer>,
    expected: number,
    wrong: (answer: Answer) => string | undefined = () => undefined,
  ): Promise<Answer | undefined> {
    const startedAt = performance.now();
    const outcome = await sent.catch((error: unknown) => error as Error);
    const now = performance.now();
    const figures = requests[kind];
    figures.answered += 1;
    figures.slowestMs = Math.max(figures.slowestMs, now - startedAt);
    const failure =
      outcome instanceof Error
        ? `no answer: ${outcome.message}`
        : outcome.status === expected
          ? wrong(outcome)
          : refusalOf(outcome);
    if (failure === undefined) return outcome as Answer;
    figures.failed[failure] = (figures.failed[failure] ?? 0) + 1;
    figures.slowestFailureMs = Math.max(figures.slowestFailureMs, now - startedAt);
    figures.lastFailedAt = now;
    if (failure.startsWith("4")) throw new Error(`A request of the load (${kind}) was refused: ${failure}`);
    return undefined;
  }

  async function sendOne(chat: number, body: string): Promise<boolean> {
    const message = { application_token: token, chat_number: chat, body };
    const headers = retry ? { "Idempotency-Key": body } : undefined;
    const answer = await ask("send", client.send("POST", "/messages", message, headers), 201);
    if (answer === undefined) return false;
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - lastAt);
    lastAt = now;
    acknowledged.push({ chat, number: (answer.body as { number: number }).number, body });
    return true;
  }

  async function write(writer: number): Promise<void> {
    for (let index = 0; running; index++) {
      const chat = chats[(writer + index) % chats.length]!;
      const body = `${run}-${writer}-${index}`;
      while (!(await sendOne(chat, body)) && retry) await pause(100);
      await pause(pauseMs);
    }
  }

  /** Reads the latest acknowledged message or a random older one. */
  async function readOne(index: number): Promise<void> {
    const back = index % 2 === 0 ? 1 : 1 + Math.floor(Math.random() * acknowledged.length);
    const { chat, number, body } = acknowledged.at(-back)!;
    const base = `/applications/${token}/chats/${chat}`;
    const get = (path: string): Promise<Answer> => client.send("GET", `${base}${path}`);
    const bodyOf = (message: unknown) => (message as { body?: string } | undefined)?.body;
    await ask("read", get(`/messages/${number}`), 200, (answer) =>
      bodyOf(answer.body) === body ? undefined : "a message that differs from the acknowledged one",
    );
    await ask("list", get(`/messages?after=${number - 1}&limit=5`), 200, (answer) => {
      const [first] = answer.body as { number: number; body: string }[];
      // While Redis is unavailable, lists contain stored messages only, as documented.
      return first?.body === body || (retry && first?.number !== number) ? undefined : "a list without the message";
    });
    await ask("search", get(`/messages/search?q=${body}&limit=5`), 200);
    await ask("chat", get(""), 200);
  }

  async function read(): Promise<void> {
    for (let index = 0; running; index++) {
      if (acknowledged.length > 0) await readOne(index);
      await pause(pauseMs);
    }
  }

  const asking = Promise.all([
    ...Array.from({ length: writers }, (_, writer) => write(writer)),
    ...Array.from({ length: readers }, () => read()),
  ]);
  // stop() rejects with this error.
  asking.catch(() => undefined);
  return {
    lastFailedAt: () => Math.max(...requestKinds.map((kind) => requests[kind].lastFailedAt)),
    async stop() {
      running = false;
      await asking.finally(() => {
        client.stop();
      });
      const seconds = (performance.now() - began) / 1000;
      return { acknowledged, requests, rate: Math.round(acknowledged.length / seconds), longestGapMs };
    },
  };
}

function noFigures(): Figures {
  return { answered: 0, failed: {}, slowestMs: 0, slowestFailureMs: 0, lastFailedAt: 0 };
}

/** Returns the status and the code of a problem, and what is wrong with the problem document, if anything. */
function refusalOf({ status, headers, body }: Answer): string {
  if (headers["content-type"]?.includes("application/problem+json") !== true) return `${status} without a problem`;
  const code = (body as { type: string }).type.split("/").at(-1) ?? "";
  const isComplete = status !== 503 || Number(headers["retry-after"]) > 0;
  return isComplete ? `${status} ${code}` : `${status} ${code} without Retry-After`;
}

/** Returns all failures of a load, by kind of request. Kinds without failures are omitted. */
export function failuresOf({ requests }: LoadReport): Partial<Record<RequestKind, Readonly<Record<string, number>>>> {
  return Object.fromEntries(
    requestKinds
      .filter((kind) => Object.keys(requests[kind].failed).length > 0)
      .map((kind) => [kind, requests[kind].failed]),
  );
}

/** Summarises a load in one line. */
export function describeLoad({ acknowledged, requests, rate, longestGapMs }: LoadReport): string {
  const read = requestKinds.slice(1).map((kind) => `${requests[kind].answered} ${kind}`);
  const slowest = Math.max(...requestKinds.map((kind) => requests[kind].slowestMs));
  return `${acknowledged.length} messages, ${rate}/s, longest gap ${longestGapMs.toFixed(0)} ms; ${read.join(", ")}; slowest answer ${slowest.toFixed(0)} ms`;
}
