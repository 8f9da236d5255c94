import { once } from "node:events";
import { get, type Agent, type IncomingMessage } from "node:http";

/** Reads an answer, discards its body and returns its status. */
export async function statusOf(url: string, agent: Agent): Promise<number | undefined> {
  const [answer] = (await once(get(url, { agent }), "response")) as [IncomingMessage];
  await once(answer.resume(), "end");
  return answer.statusCode;
}
