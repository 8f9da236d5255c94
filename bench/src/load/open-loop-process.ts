import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// A process of its own. It sends a request when it is due, over the connections in turn. If all are busy, the request waits, and
// its latency counts.

/** The command of the parent. */
export interface OpenLoopCommand {
  readonly port: number;
  readonly path: string;
  /** A file with the body of one request per line. They are sent in turn. */
  readonly requests: string;
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
  readonly expected: number;
}

/** The answer. Times are in milliseconds from the scheduled time. */
export interface OpenLoopReport {
  readonly latencies: Float64Array;
  readonly delays: Float64Array;
  readonly refused: number;
  readonly broken: number;
}

const answerLimitMs = 10_000;
/** Connections that are being opened at a time. */
const atOnce = 250;

async function run({ port, path, requests, rate, seconds, connections, expected }: OpenLoopCommand) {
  const texts = readFileSync(requests, "utf8")
    .trimEnd()
    .split("\n")
    .map((body) => {
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`;
      return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    });
  const latencies: number[] = [];
  const delays: number[] = [];
  const idle: Connection[] = [];
  let refused = 0;
  let broken = 0;

  interface Connection {
    readonly socket: Socket;
    dueAt: number;
    answer: string;
  }

  const open = async (): Promise<void> => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const connection: Connection = { socket, dueAt: 0, answer: "" };
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      connection.answer += chunk;
      const head = connection.answer.indexOf("\r\n\r\n");
      if (head === -1) return;
      const [, length] = /content-length: (\d+)/i.exec(connection.answer) ?? [];
      if (connection.answer.length < head + 4 + Number(length ?? 0)) return;
      latencies.push(performance.now() - connection.dueAt);
      if (Number(connection.answer.slice(9, 12)) !== expected) refused += 1;
      connection.answer = "";
      idle.push(connection);
      sendDue();
    });
    await new Promise<void>((resolve) => {
      socket.on("error", () => (broken += 1));
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
  const started = performance.now();
  let sent = 0;
  function sendDue(): void {
    const now = performance.now();
    for (; sent < total && idle.length > 0; sent += 1) {
      const dueAt = started + (1_000 * sent) / rate;
      if (dueAt > now) return;
      const connection = idle.shift()!;
      connection.dueAt = dueAt;
      delays.push(now - dueAt);
      connection.socket.write(texts[sent % texts.length]!);
    }
  }
  const until = started + 1_000 * seconds + answerLimitMs;
  while (latencies.length < total && performance.now() < until) {
    sendDue();
    await sleep(1);
  }
  broken += total - latencies.length;
  process.send!({
    ...{ latencies: Float64Array.from(latencies), delays: Float64Array.from(delays) },
    ...{ refused, broken },
  } satisfies OpenLoopReport);
}

process.on("message", (command: OpenLoopCommand) => void run(command));
