import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "../api-client.ts";
import { latencyOf, type Latency } from "./latency.ts";
import { poll, readAll, watch } from "./read.ts";
import { createAcknowledgements, kinds, type Kind, type Run } from "./run.ts";
import { send, type Pace } from "./send.ts";
import { judge, type Anomaly, type ChatRecord } from "./verdict.ts";

export interface Plan {
  readonly messages: number;
  readonly chats: number;
  readonly senders: number;
  /** Maximum time in ms for sending, even if fewer messages than planned were sent. */
  readonly durationMs: number;
  /** Maximum time in ms until sent messages are answered, stored, counted and found. */
  readonly settleMs: number;
}

export interface Verification {
  readonly application_token: string;
  readonly attempted: number;
  readonly ok: number;
  /** Number of messages without an answer that says whether they were accepted; `unknown_there` of them exist. */
  readonly unknown: number;
  readonly unknown_there: number;
  readonly failed: number;
  readonly seconds: number;
  readonly anomalies: Readonly<Record<Anomaly, number>>;
  readonly visible_after_ms: Readonly<Record<Kind, Latency>>;
  /** The first cases of each anomaly, one sentence per case. */
  readonly examples: readonly string[];
}

const mostExamples = 5;

/**
 * Creates its own application, sends and reads messages in parallel, waits until all messages are stored, reads them
 * again and compares the results. It sends at most as many messages as the plan allows, and ends in bounded time.
 */
export async function verifyInstallation(api: ApiClient, plan: Plan): Promise<Verification> {
  const { body: application } = await api.call("createApplication", { body: { name: "confabctl verify" } });
  const { token } = application;
  const chats: number[] = [];
  for (let count = 0; count < plan.chats; count += 1) {
    chats.push((await api.call("createChat", { params: { token }, body: {} })).body.number);
  }
  const [sending, settling, reading] = [new AbortController(), new AbortController(), new AbortController()];
  const run: Run = {
    api,
    token,
    chats,
    messages: [],
    stale: [],
    neverShown: [],
    overcounted: [],
    sending: sending.signal,
    settling: settling.signal,
    reading: reading.signal,
    seenAfter: { get: [], list: [], search: [], counts: [] },
    acknowledgements: createAcknowledgements(),
  };

  const began = performance.now();
  const pace: Pace = { left: plan.messages, pauseMs: 20, largestBatch: 20 };
  const senders = Array.from({ length: plan.senders }, () => send(run, pace));
  const readers = kinds.map((kind) => watch(run, kind, plan.settleMs));
  const pollers = chats.map((chat) => poll(run, chat));
  const timers = [
    setTimeout(() => {
      sending.abort();
    }, plan.durationMs),
    setTimeout(() => {
      settling.abort();
    }, plan.durationMs + plan.settleMs),
  ];
  let records: ChatRecord[];
  try {
    await Promise.all(senders);
    reading.abort();
    await Promise.all(readers);
    const polled = await Promise.all(pollers);
    const deadline = performance.now() + plan.settleMs;
    records = await Promise.all(chats.map(async (chat, index) => record(run, chat, polled[index]!, deadline)));
  } finally {
    for (const timer of timers) clearTimeout(timer);
    for (const controller of [sending, settling, reading]) controller.abort();
  }
  return summarise(run, records, (performance.now() - began) / 1000);
}

/** Reads a chat again until its count equals the length of its list, or until the deadline. */
async function record(run: Run, chat: number, polled: ChatRecord["polled"], deadline: number): Promise<ChatRecord> {
  for (;;) {
    const rows = await readAll(run, chat);
    const { body } = await run.api.call("getChat", { params: { token: run.token, chat } });
    const counted = body.messages_count;
    if (counted === rows.length || performance.now() > deadline) return { chat, rows, counted, polled };
    await sleep(250);
  }
}

function summarise(run: Run, chats: readonly ChatRecord[], seconds: number): Verification {
  const { messages, stale, neverShown, overcounted, seenAfter } = run;
  const found = judge({ messages, chats, stale, neverShown, overcounted });
  const count = (outcome: string) => messages.filter((message) => message.outcome === outcome).length;
  const there = new Set(chats.flatMap(({ rows }) => rows.map(({ uid }) => uid)));
  const entries = Object.entries(found) as [Anomaly, string[]][];
  return {
    application_token: run.token,
    attempted: messages.length,
    ok: count("ok"),
    unknown: count("unknown"),
    unknown_there: messages.filter(({ outcome, uid }) => outcome === "unknown" && there.has(uid)).length,
    failed: count("failed"),
    seconds: Math.round(seconds * 10) / 10,
    anomalies: Object.fromEntries(entries.map(([name, all]) => [name, all.length])) as Record<Anomaly, number>,
    visible_after_ms: Object.fromEntries(kinds.map((kind) => [kind, latencyOf(seenAfter[kind])])) as Record<
      Kind,
      Latency
    >,
    examples: entries.flatMap(([name, all]) => all.slice(0, mostExamples).map((sentence) => `${name}: ${sentence}`)),
  };
}
