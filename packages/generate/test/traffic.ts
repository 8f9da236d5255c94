import type { Installation } from "./installation.ts";

/**
 * Creates traffic of every kind: messages, a replay, a batch request with an invalid item, reads, searches, a 404, an
 * unknown chat and a 429.
 */
export async function someOfEverything({ ingest, api }: Pick<Installation, "ingest" | "api">): Promise<void> {
  const application = (await send(api, "/applications", { name: "Observed" })) as { token: string };
  const chats = `/applications/${application.token}/chats`;
  const { number } = (await send(api, chats, {})) as { number: number };
  const message = { application_token: application.token, chat_number: number, body: "hello observed world" };
  await send(ingest, "/messages", message, { "Idempotency-Key": "once" });
  await send(ingest, "/messages", message, { "Idempotency-Key": "once" });
  await send(ingest, "/messages/batch", { messages: [message, { ...message, body: "" }] });
  await send(ingest, "/messages", { ...message, chat_number: 99 });
  await Promise.all(Array.from({ length: 40 }, () => send(ingest, "/messages", message)));
  for (const path of [`${chats}/${number}/messages`, `${chats}/${number}/messages/search?q=hello`, "/nowhere"]) {
    await (await fetch(api + path)).arrayBuffer();
  }
}

async function send(base: string, path: string, body: object, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return response.json();
}
