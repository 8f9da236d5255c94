import { get } from "node:http";

/** One event of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export interface Connection {
  /** Called once with the answer's status, 0 if there was none, and the problem's code or the connection's error. */
  readonly onAnswer: (status: number, problem: string | undefined) => void;
  readonly onEvent: (event: StreamEvent) => void;
}

/** An api sends a comment every 15 seconds, so a connection without any bytes for this time is dead. */
const silenceMs = 40_000;

/** Opens a stream and resolves when it ends, for whatever reason, or when the signal aborts. */
export function readStream(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  { onAnswer, onEvent }: Connection,
): Promise<void> {
  return new Promise((resolve) => {
    let hasAnswered = false;
    const answer = (status: number, problem?: string) => {
      if (!hasAnswered) onAnswer(status, problem);
      hasAnswered = true;
    };
    const request = get(url, { agent: false, headers, signal }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      if (incoming.statusCode === 200) answer(200);
      incoming.on("data", (chunk: string) => {
        text += chunk;
        if (incoming.statusCode !== 200) return;
        const blocks = text.split("\n\n");
        text = blocks.pop()!;
        for (const block of blocks) {
          const event = parseEvent(block);
          if (event) onEvent(event);
        }
      });
      incoming.on("close", () => {
        answer(incoming.statusCode ?? 0, /"type":\s*"[^"]*\/([^"/]+)"/.exec(text)?.[1]);
        resolve();
      });
      incoming.on("error", () => undefined);
    });
    request.setTimeout(silenceMs, () => request.destroy(new Error("silent")));
    request.on("error", (error: NodeJS.ErrnoException) => {
      answer(0, error.code ?? error.name);
      resolve();
    });
  });
}

/** Returns undefined if the block has no data, for example a comment. */
function parseEvent(block: string): StreamEvent | undefined {
  const fields = new Map(
    block.split("\n").map((line): [string, string] => {
      const colon = line.indexOf(": ");
      return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  const [event, data] = [fields.get("event"), fields.get("data")];
  if (event === undefined || data === undefined) return undefined;
  return { event, id: fields.get("id"), data: JSON.parse(data) as unknown };
}
