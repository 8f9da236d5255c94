import { setTimeout as pause } from "node:timers/promises";
import { connect } from "node:net";
import { hostileTexts } from "@confab/testkit";
import { createClient, type Application, type Client, type Letter, type Target } from "../load/client.ts";
import { createHttp } from "../load/http.ts";
import { usual, type Fault, type Scene } from "../scene.ts";

const attackMs = 6_000;

/** Faults in which one client sends requests that no honest client sends. Other clients must not be affected. */
export const hostileFaults: readonly Fault[] = [
  {
    name: "poison-messages",
    title: "Messages that are hard to store, index or highlight, and invalid requests, arrive among ordinary ones",
    expectations: { ...usual, noFailures: true },
    async run(scene) {
      const client = newClient(scene, "poisoner");
      const [application] = scene.world.applications;
      let counter = 0;
      await scene.during("poison", async () => {
        for (const poison of poisons) {
          const chat = scene.random.pick(application!.chats);
          const letters = [poison, "harmless"].map((text) => letterOf(application!, chat, client, counter++, text));
          await client.sendBatch(ingestOf(scene), letters, 1);
        }
        for (const [status, body] of refused) await expectStatus(ingestOf(scene), body(application!), status);
        // These words are expensive to highlight.
        for (const word of ["e", "👨", "\u0600"]) {
          for (const chat of application!.chats) await client.search(apiOf(scene), application!, chat, word);
        }
      });
    },
  },
  {
    name: "protocol-abuse",
    title: "Two hundred connections per process send headers or bodies that never end, or smuggle requests",
    expectations: { ...usual, noFailures: true },
    async run(scene) {
      const targets = [...scene.world.of("ingest"), ...scene.world.of("api")].map(({ url }) => new URL(url));
      await scene.during("protocol abuse", async () => {
        const sockets = targets.flatMap(({ hostname, port, host }) =>
          Array.from({ length: 200 }, (_, at) => {
            const socket = connect({ host: hostname, port: Number(port) });
            socket.on("error", () => undefined);
            socket.write(abuses[at % abuses.length]!.replaceAll("HOST", host));
            return socket;
          }),
        );
        const trickle = setInterval(() => {
          for (const socket of sockets) if (socket.writable) socket.write("a");
        }, 500);
        await pause(attackMs);
        clearInterval(trickle);
        for (const socket of sockets) socket.destroy();
      });
    },
  },
  {
    name: "foreign-tokens",
    title: "One application tries the chats, numbers and keys of another, and sends one key fifty times at once",
    expectations: usual,
    async run(scene) {
      const client = newClient(scene, "thief");
      const [mine, other] = scene.world.applications;
      await scene.during("foreign tokens", async () => {
        for (let round = 0; round < 10; round += 1) {
          const chat = scene.random.pick(mine!.chats);
          const letter = letterOf(mine!, chat, client, round, "one key");
          // In the other application, the same key is a different key.
          const namesake = { ...letterOf(other!, chat, client, 1_000 + round, "same key"), key: letter.key };
          await Promise.all([
            ...Array.from({ length: 50 }, (_, at) => client.send(ingestOf(scene, at), letter, at + 1)),
            ...Array.from({ length: 10 }, (_, at) => client.send(ingestOf(scene, at), namesake, at + 1)),
          ]);
          const changed = { application_token: mine!.token, chat_number: chat, body: "another body" };
          await expectStatus(ingestOf(scene), JSON.stringify(changed), 409, letter.key);
          // Searches with this token for words of the other application must return only this application's messages.
          await client.search(apiOf(scene), mine!, chat, other!.canary);
          await client.list(apiOf(scene), mine!, chat, { limit: 200 });
          await pause(200);
        }
      });
    },
  },
];

const poisons = [
  ...Object.values(hostileTexts).map((text) => text.slice(0, 20_000).toWellFormed()),
  "\0 NUL and \u001b[31m control \u0007 signs",
  "'; DROP TABLE messages; -- \" \\ % _",
  '{"query":{"match_all":{}}} +body:* AND (NOT x)^4 ~ [a TO b]',
  "\u202eright to left\u202c \ufeff \u{e0001} \u{10ffff}",
  "__proto__ constructor toString",
];

const message = (application: Application, more: object) =>
  JSON.stringify({ application_token: application.token, chat_number: application.chats[0], ...more });

/** Requests that must be refused, with the status of the refusal. */
const refused: readonly (readonly [status: number, body: (application: Application) => string])[] = [
  [422, () => `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
  [400, () => '{"application_token":'],
  [400, () => ""],
  [413, (application) => message(application, { body: "x".repeat(2_000_000) })],
  [422, (application) => message(application, { body: "x".repeat(65_536) })],
  [422, (application) => message(application, { body: "\ud800" })],
  [422, (application) => message(application, { body: ["a", { __proto__: 1 }] })],
  [422, (application) => message(application, { body: "x", chat_number: 1e308 })],
  [422, () => '{"__proto__":{"admin":true}}'],
];

const abuses = [
  // These three requests have headers or bodies (with and without a length) that never end.
  "POST /messages HTTP/1.1\r\nHost: HOST\r\nX-Slow: a",
  "POST /messages HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{",
  "POST /messages HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{",
  // This is a second request inside the body of the first.
  "POST /messages HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
  "GET /messages HTTP/1.1\r\nHost: HOST\r\nX-Request-Id: a\rSet-Cookie: b\r\n\r\n",
  `GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: HOST\r\n\r\n`,
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

function newClient({ recorder, world }: Scene, name: string): Client {
  const http = createHttp(() => recorder.now());
  world.onStop(() => {
    http.close();
    return Promise.resolve();
  });
  return createClient(name, http, recorder);
}

function letterOf(application: Application, chat: number, client: Client, counter: number, text: string): Letter {
  const uid = `${application.label}.${chat}.${client.name}.${String(counter).padStart(5, "0")}`;
  return { application, chat, uid, body: `${uid} ${application.canary} ${text}`, key: uid };
}

const ingestOf = ({ world }: Scene, at = 0): Target => world.of("ingest")[at % 2]!;
const apiOf = ({ world }: Scene): Target => world.of("api")[0]!;

async function expectStatus({ url }: Target, body: string, status: number, key?: string): Promise<void> {
  const answer = await fetch(`${url}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) },
    body,
  });
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`${body.slice(0, 80)} gave ${answer.status}, not ${status}: ${text}`);
}
