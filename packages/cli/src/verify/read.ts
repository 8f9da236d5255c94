import { setTimeout as sleep } from "node:timers/promises";
import { maxLimit, type Message } from "@confab/contracts";
import { pages } from "../api-client.ts";
import { isTemporary, Refused } from "../api-errors.ts";
import { uidIn } from "./sent-message.ts";
import type { Kind, Run } from "./run.ts";
import type { Row } from "./verdict.ts";

const rowOf = ({ number, body }: Message): Row => ({ number, uid: uidIn(body ?? ""), body: body ?? "" });

/** Returns all messages of a chat, read page by page from the list. */
export async function readAll({ api, token }: Run, chat: number): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of pages(api, "listMessages", { params: { token, chat } })) rows.push(...page.map(rowOf));
  return rows;
}

/** Polls a chat with `?after`, like a client, until reading has ended and no more messages follow. */
export async function poll(run: Run, chat: number): Promise<Row[]> {
  const polled: Row[] = [];
  for (let isLast = false; ;) {
    const after = polled.at(-1)?.number;
    const page = await attempt(run, () =>
      run.api.callOnce("listMessages", { params: { token: run.token, chat }, query: { after, limit: maxLimit } }),
    );
    polled.push(...(page?.body ?? []).map(rowOf));
    if (isLast && page?.body.length === 0) return polled;
    if (run.settling.aborted && page === undefined) return polled;
    isLast = run.reading.aborted;
    if (page === undefined || page.body.length < maxLimit) await sleep(100);
  }
}

/** The read for each kind. It resolves to undefined if the answer does not show the message. */
const reads: Record<Kind, (run: Run, message: Probe) => Promise<unknown>> = {
  async get({ api, token }, { chat, number, body }) {
    try {
      const { body: message } = await api.callOnce("getMessage", { params: { token, chat, message: number } });
      return message.body === body ? message : undefined;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  },
  async list({ api, token }, { chat, number, body }) {
    const query = { after: number - 1 || undefined, limit: 1 };
    const { body: page } = await api.callOnce("listMessages", { params: { token, chat }, query });
    return page.find((message) => message.number === number && message.body === body);
  },
  async search({ api, token }, { chat, number, uid }) {
    const { body: hits } = await api.callOnce("searchMessages", { params: { token, chat }, query: { q: uid } });
    return hits.find((hit) => hit.number === number);
  },
  async counts(run, { chat, known }) {
    const { body } = await run.api.callOnce("getChat", { params: { token: run.token, chat } });
    const sent = run.messages.filter((message) => message.chat === chat).length;
    if (body.messages_count > sent) run.overcounted.push(`chat ${chat} counts ${body.messages_count} of ${sent} sent`);
    return body.messages_count >= known ? body : undefined;
  },
};

interface Probe {
  readonly uid: string;
  readonly chat: number;
  readonly number: number;
  readonly body: string;
  /** Number of acknowledged messages in the chat. */
  readonly known: number;
}

/**
 * Polls for one acknowledged message after another, and measures the time from its acknowledgement until it is shown.
 */
export async function watch(run: Run, kind: Kind, timeoutMs: number): Promise<void> {
  for (;;) {
    const message = await run.acknowledgements.next(run.reading);
    if (message === undefined) return;
    const { uid, chat, body, knownAt, numbers } = message;
    const known = run.messages.filter((other) => other.chat === chat && other.outcome === "ok").length;
    const probe = { uid, chat, body, number: numbers[0]!, known };
    const deadline = performance.now() + timeoutMs;
    let isShown = false;
    for (let poll = 1; !isShown && performance.now() < deadline; poll += 1) {
      // `answer` is undefined after a temporary error, which says nothing about the message.
      const answer = await attempt(run, async () => ({ shown: await reads[kind](run, probe) }));
      isShown = answer?.shown !== undefined;
      if (isShown) run.seenAfter[kind].push(performance.now() - knownAt);
      else if (answer !== undefined && poll === 1 && (kind === "get" || kind === "list")) {
        run.stale.push(`${uid}, ${chat}/${probe.number}, was not shown by ${kind} after it was acknowledged`);
      }
      if (!isShown) await sleep(25);
    }
    if (!isShown)
      run.neverShown.push(`${uid}, ${chat}/${probe.number}: ${kind} did not show it within ${timeoutMs} ms`);
    await sleep(20);
  }
}

/** Does `work` once. After a temporary error, waits and returns undefined. */
async function attempt<T>(run: Run, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isTemporary(error)) throw error;
    if (!run.settling.aborted) await sleep(Math.min(error.retryAfterMs ?? 250, 2_000));
    return undefined;
  }
}
