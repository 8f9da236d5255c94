import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { applicationSchema, chatSchema } from "@confab/contracts";
import { eventually, startProxy, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { problemOf, readAs, startApi, type Answer, type Api } from "./start.ts";
import { openWorld } from "./world.ts";

const adminKey = "admin-key-for-tests";
const authorization = { authorization: `Bearer ${adminKey}` };

describe("writes while MySQL does not answer", () => {
  const world = useForAll(openWorld);

  const countOf = async (api: Api, token: string): Promise<number> =>
    readAs(applicationSchema, await api.get(`/applications/${token}`)).chats_count;
  const typeOf = ({ text }: Answer): string | undefined =>
    (JSON.parse(text) as { type?: string }).type?.split("/").at(-1);

  it("is not done later if the answer said that it was not done", async () => {
    const proxy = await startProxy({ target: world.url });
    const api = await startApi({ ...world, url: proxy.url }, { ADMIN_API_KEY: adminKey });
    try {
      const token = await world.newApplication();
      const { number } = await world.newChat(token);
      const chats = `/applications/${token}/chats`;
      const before = await countOf(api, token);
      const names = new Set((await namesOf(api)).map(({ name }) => name));

      // The pool reuses a session without a check if the session was just used.
      await Promise.all(Array.from({ length: 30 }, () => api.get(chats)));
      proxy.pause();
      const answers = await Promise.all([
        ...Array.from({ length: 30 }, () => api.send("POST", chats)),
        api.send("POST", "/applications", { name: "late" }, authorization),
        api.send("PATCH", `/applications/${token}`, { name: "late" }),
        api.send("PATCH", `${chats}/${number}`, { name: "late" }),
      ]);
      for (const answer of answers) problemOf(answer, "storage-unavailable");
      // The database is restored at once, while the pool is still trying. A write that the api had merely stopped
      // waiting for would be executed now.
      proxy.resume();

      // The chats of an application are created in order, so this request completes after all creations that are still
      // running.
      await eventually(async () => {
        readAs(chatSchema, await api.send("POST", chats, { name: "afterwards" }), 201);
      });
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(await countOf(api, token)).to.equal(before + 1);
      expect(new Set((await namesOf(api)).map(({ name }) => name))).to.deep.equal(names);
      expect(readAs(chatSchema, await api.get(`${chats}/${number}`)).name).to.equal(null);
    } finally {
      proxy.resume();
      await api.stop();
      await proxy.close();
    }
  });

  it("has an unknown outcome after the commit was sent, which the idempotency key settles", async () => {
    const link = await startLinkThatLosesCommits(world.url);
    const api = await startApi({ ...world, url: link.url }, { ADMIN_API_KEY: adminKey });
    try {
      const token = await world.newApplication();
      const { number } = await world.newChat(token);
      const requests: [method: string, path: string, body: object][] = [
        ["POST", `/applications/${token}/chats`, { name: "once" }],
        ["POST", "/applications", { name: "once" }],
        ["PATCH", `/applications/${token}`, { name: "renamed" }],
        ["PATCH", `/applications/${token}/chats/${number}`, { name: "renamed" }],
      ];
      for (const [index, [method, path, body]] of requests.entries()) {
        const headers = { ...authorization, ...(method === "POST" ? { "idempotency-key": `key-${index}` } : {}) };
        link.lose = true;
        problemOf(await api.send(method, path, body, headers), "outcome-unknown");
        link.lose = false;
        await eventually(async () => {
          const again = await api.send(method, path, body, headers);
          expect(again.status, again.text).to.be.below(300);
        });
      }
      expect(await countOf(api, token)).to.equal(2);
      expect((await namesOf(api)).filter(({ name }) => name === "once")).to.have.length(1);
    } finally {
      link.close();
      await api.stop();
    }
  });

  async function namesOf(api: Api): Promise<{ name: string }[]> {
    const answer = await api.get("/applications?limit=200", authorization);
    expect(answer.status, typeOf(answer)).to.equal(200);
    return JSON.parse(answer.text) as { name: string }[];
  }
});

/**
 * Starts a proxy to the database. While `lose` is set, the proxy forwards a COMMIT but returns nothing on that
 * connection.
 */
async function startLinkThatLosesCommits(target: string) {
  const url = new URL(target);
  const { hostname, port } = url;
  const sockets = new Set<Socket>();
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const link = { lose: false, url: "", close };
  const server = createServer((socket) => {
    const upstream = connect(Number(port || 3306), hostname);
    sockets.add(socket);
    let isLost = false;
    socket.on("data", (bytes) => {
      isLost ||= link.lose && /COMMIT(?!TED)/.test(bytes.toString("latin1"));
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (!isLost) socket.write(bytes);
    });
    for (const end of [socket, upstream]) end.on("error", () => undefined);
    socket.on("close", () => upstream.destroy());
    upstream.on("close", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  link.url = url.href;
  return link;
}
