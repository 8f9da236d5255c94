import { problems, type ProblemCode, type ProblemDocument } from "@confab/contracts";
import { expect } from "chai";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Sends a request. Text and bytes are sent unchanged, and everything else as JSON. An event stream is closed once it
 * has begun, and its `text` is empty.
 */
export async function sendRequest(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const content = typeof body === "string" || Buffer.isBuffer(body) ? new Blob([body]) : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: content }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (isStream) await response.body?.cancel();
  return { status: response.status, headers: response.headers, text: isStream ? "" : await response.text() };
}

/** Returns the parsed JSON of an answer. The answer must have the given status. */
export function jsonOf(answer: Answer, status = 200): unknown {
  expect(answer.status, answer.text).to.equal(status);
  return JSON.parse(answer.text);
}

/** Returns the problem document of a refusal. Its fields and headers must match the given problem. */
export function problemOf(answer: Answer, code: ProblemCode): ProblemDocument {
  const { status, title } = problems[code];
  const document = jsonOf(answer, status) as ProblemDocument;
  expect(answer.headers.get("content-type")).to.equal("application/problem+json");
  expect(document).to.include({ type: `http://localhost:8080/problems/${code}`, code, title, status });
  expect(document.detail).to.match(/\w.*[.?]$/);
  expect(document.request_id).to.equal(answer.headers.get("x-request-id"));
  if (status === 429 || status === 503) expect(Number(answer.headers.get("retry-after"))).to.be.within(1, 60);
  return document;
}
