import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

// This file runs as a separate thread. It sends many long polls, so that their work does not count as work of the
// service.

export interface PollsData {
  readonly port: number;
  readonly paths: readonly string[];
}

/** Number of polls by answer, once all polls are answered. An answer is the status and the bytes of the body. */
export type PollAnswers = ReadonlyMap<string, number>;

const { port, paths } = workerData as PollsData;
const answers = new Map<string, number>();

function poll(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    });
    let head = "";
    let received = 0;
    socket.on("error", (error) => {
      resolve(error.message);
    });
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (!head.includes("\r\n\r\n")) head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      const length = Number(/^Content-Length: (\d+)/im.exec(head)?.[1]);
      if (end === -1 || received < end + 4 + length) return;
      socket.destroy();
      resolve(`${head.slice(9, 12)} ${length}`);
    });
  });
}

await Promise.all(
  paths.map(async (path) => {
    const answer = await poll(path);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }),
);
parentPort!.postMessage(answers satisfies PollAnswers);
