import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { cpuUsage } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

// This file runs as a separate process. It sends each request when it is due, over the connections in turn. If all are
// busy, the request waits, and this wait is part of its latency.

/** The parent sends this command to start the load. */
export interface OpenLoopCommand {
  readonly port: number;
  readonly path: string;
  /** A file with the body of one request per line. The requests are sent in turn. */
  readonly requests: string;
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
  readonly expected: number;
  /**
   * Whether the load exceeds the capacity of the service. If it does, requests that were not sent by the end are
   * dropped and do not count as faults.
   */
  readonly isOverload?: boolean;
}

/** The answer to the parent. Times are in milliseconds, from the scheduled time unless stated otherwise. */
export interface OpenLoopReport {
  readonly latencies: Float64Array;
  readonly delays: Float64Array;
  /** Times from the actual sending to the answer. */
  readonly answerTimes: Float64Array;
  /**
   * How many requests had the expected status, and how many of these answers came within a second and before the end.
   */
  readonly answered: number;
  readonly useful: number;
  /** How many requests were answered with 429 or 503. */
  readonly refused: number;
  /** How many requests were answered with another status. */
  readonly wrong: number;
  readonly broken: number;
  /** CPU time of this process, in microseconds. */
  readonly cpu: number;
}

const answerLimitMs = 10_000;
const usefulMs = 1_000;
/** Maximum number of connections to open at the same time. */
const atOnce = 250;

async function run(command: OpenLoopCommand) {
  const { port, path, requests, rate, seconds, connections, expected, isOverload = false } = command;
  const texts = readFileSync(requests, "utf8")
    .trimEnd()
    .split("\n")
    .map((body) => {
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`;
      return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    });
  const latencies: number[] = [];
  const delays: number[] = [];
  const answerTimes: number[] = [];
  const idle: Connection[] = [];
  const counts = { answered: 0, useful: 0, refused: 0, wrong: 0, broken: 0 };

  interface Connection {
    readonly socket: Socket;
    dueAt: number;
    sentAt: number;
    answer: string;
  }

  const open = async (): Promise<void> => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const connection: Connection = { socket, dueAt: 0, sentAt: 0, answer: "" };
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      connection.answer += chunk;
      const head = connection.answer.indexOf("\r\n\r\n");
      if (head === -1) return;
      const [, length] = /content-length: (\d+)/i.exec(connection.answer) ?? [];
      if (connection.answer.length < head + 4 + Number(length ?? 0)) return;
      const now = performance.now();
      latencies.push(now - connection.dueAt);
      answerTimes.push(now - connection.sentAt);
      const status = Number(connection.answer.slice(9, 12));
      if (status === expected) {
        counts.answered += 1;
        if (now < endsAt && now - connection.sentAt <= usefulMs) counts.useful += 1;
      } else counts[status === 429 || status === 503 ? "refused" : "wrong"] += 1;
      connection.answer = "";
      idle.push(connection);
      sendDue();
    });
    await new Promise<void>((resolve) => {
      socket.on("error", () => (counts.broken += 1));
      socket.on("connect", () => {
        idle.push(connection);
        resolve();
      });
      socket.on("close", () => {
        resolve();
      });
    });
  };
  for (let opened = 0; opened < connections; opened += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, connections - opened) }, open));

  const total = rate * seconds;
  const cpuBefore = cpuUsage();
  const started = performance.now();
  const endsAt = started + 1_000 * seconds;
  let sent = 0;
  function sendDue(): void {
    const now = performance.now();
    if (isOverload && now >= endsAt) return;
    for (; sent < total && idle.length > 0; sent += 1) {
      const dueAt = started + (1_000 * sent) / rate;
      if (dueAt > now) return;
      const connection = idle.shift()!;
      Object.assign(connection, { dueAt, sentAt: now });
      delays.push(now - dueAt);
      connection.socket.write(texts[sent % texts.length]!);
    }
  }
  const mustSend = () => (isOverload && performance.now() >= endsAt ? sent : total);
  while (latencies.length < mustSend() && performance.now() < endsAt + answerLimitMs) {
    sendDue();
    await sleep(1);
  }
  counts.broken += mustSend() - latencies.length;
  const { user, system } = cpuUsage(cpuBefore);
  process.send!({
    cpu: user + system,
    latencies: Float64Array.from(latencies),
    delays: Float64Array.from(delays),
    answerTimes: Float64Array.from(answerTimes),
    ...counts,
  } satisfies OpenLoopReport);
}

process.on("message", (command: OpenLoopCommand) => void run(command));
