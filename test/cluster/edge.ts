import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { run } from "./command.ts";
import { listAll } from "./stored.ts";
import { edgeUrl, type Release } from "./release.ts";
import { report } from "./report.ts";

/** The ingress controller that writes the access log, as `namespace/deployment`. */
const [controllerNamespace, controller] = (
  process.env.CONFAB_EDGE_CONTROLLER ?? "ingress-nginx/ingress-nginx-controller"
).split("/") as [string, string];

/** Describes behavior that clients see through the ingress controller. */
export function describeEdge(installed: () => Release): void {
  describe("through the ingress", () => {
    let token: string;
    let chat: number;

    before(async () => {
      token = await installed().createApplication("edge");
      [chat] = (await installed().createChats(token, 1)) as [number];
    });

    const send = (body: string, headers = {}) =>
      installed().client.send("POST", "/messages", { application_token: token, chat_number: chat, body }, headers);

    it("accepts a message, lists it and finds it by a part of a word", async () => {
      const sent = await send("Hello from outside");
      expect(sent.status).to.equal(201);
      const { number } = sent.body as { number: number };
      expect((await listAll(installed().client, token, chat)).at(-1)).to.include({
        number,
        body: "Hello from outside",
      });
      const found = async () =>
        (await installed().client.send("GET", `/applications/${token}/chats/${chat}/messages/search?q=outsi`)).body;
      for (let attempt = 0; attempt < 60 && ((await found()) as unknown[]).length === 0; attempt++) await pause(500);
      expect(await found()).to.have.nested.property("[0].number", number);
    });

    it("passes on each event of a stream before the next one is sent, and an answer that waits", async () => {
      const path = `/applications/${token}/chats/${chat}/messages`;
      const events = readNumbers(`${path}/stream`);
      expect(await nextOf(events)).to.equal("caught-up");
      for (let count = 0; count < 5; count += 1) {
        const { number } = (await send(`live ${count}`)).body as { number: number };
        expect(await nextOf(events)).to.equal(`message ${number}`);
      }
      const { number: last } = (await send("last")).body as { number: number };
      const waiting = installed().client.send("GET", `${path}?after=${last}&wait=20`);
      const { number } = (await send("awaited")).body as { number: number };
      expect((await waiting).body).to.have.nested.property("[0].number", number);
      await events.return(undefined);
    });

    it("does not expose the admin ports", async () => {
      for (const path of ["/metrics", "/livez", "/readyz", "/messages/metrics"]) {
        const answer = await installed().client.send("GET", path);
        expect(answer.status, path).to.equal(404);
        expect(answer.headers["content-type"], path).to.include("application/problem+json");
      }
    });

    it("accepts a burst of 20 and then 10 messages per second from one address, and many more reads", async () => {
      await pause(3_000);
      const burst = await Promise.all(Array.from({ length: 60 }, (_, index) => send(`burst ${index}`)));
      const inBurst = burst.filter(({ status }) => status === 201).length;
      expect(inBurst).to.be.within(20, 26);
      for (const { status } of burst) expect(status).to.be.oneOf([201, 429, 503]);
      await pause(3_000);
      const began = performance.now();
      let accepted = 0;
      while (performance.now() - began < 5_000) accepted += Number((await send("steady")).status === 201);
      const seconds = (performance.now() - began) / 1000;
      report(`${inBurst} of 60 at once; ${((accepted - 20) / seconds).toFixed(1)} per second after the burst`);
      expect((accepted - 20) / seconds).to.be.within(8, 12);
      const reads = await Promise.all(
        Array.from({ length: 100 }, () => installed().client.send("GET", `/applications/${token}/chats/${chat}`)),
      );
      expect(reads.map(({ status }) => status)).to.deep.equal(reads.map(() => 200));
    });

    it("writes the request id to the access log and to the logs of ingest and the worker", async () => {
      await pause(1_000);
      const requestId = `e2e-${randomUUID()}`;
      const sent = await send("traced", { "X-Request-ID": requestId });
      expect(sent.headers["x-request-id"]).to.equal(requestId);
      const logs = {
        edge: () => run("kubectl", ["-n", controllerNamespace, "logs", `deployment/${controller}`, "--tail=500"]),
        ingest: () => installed().kubectl("logs", "-l", "app.kubernetes.io/component=ingest", "--tail=-1"),
        worker: () => installed().kubectl("logs", "-l", "app.kubernetes.io/component=worker", "--tail=-1"),
      };
      for (const [source, read] of Object.entries(logs)) {
        let line: string | undefined;
        for (let attempt = 0; attempt < 20 && line === undefined; attempt++) {
          line = (await read()).split("\n").find((text) => text.includes(requestId));
          if (line === undefined) await pause(500);
        }
        expect(line, `no log line of ${source} contains the request id`).to.be.a("string");
        report(`${source}: ${line!.slice(0, 240)}`);
      }
    });
  });
}

/**
 * Yields the name of each event in a stream, and the message number if the event is a message. Skips comments, which
 * only keep the connection open.
 */
async function* readNumbers(path: string): AsyncGenerator<string> {
  const response = await fetch(new URL(path, edgeUrl));
  expect(response.status).to.equal(200);
  for await (const { event, data } of response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())) {
    yield event === "message" ? `message ${(JSON.parse(data) as { number: number }).number}` : String(event);
  }
}

/**
 * Resolves with the next event. Rejects if it does not arrive in time, for example because a proxy buffers the stream.
 */
async function nextOf(events: AsyncGenerator<string>): Promise<string | undefined> {
  const late = pause(10_000).then(() => {
    throw new Error("the event did not arrive within 10 s");
  });
  return await Promise.race([events.next().then(({ value }) => value as string | undefined), late]);
}
