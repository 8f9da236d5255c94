import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { useNginx } from "./support/nginx.ts";

describe("nginx, which passes requests on to the services,", function () {
  // The timeout is long because nginx may have to be installed.
  this.timeout(120_000);
  const front = useNginx();
  const { ask, folder, accessLog } = front;

  it("sends both paths of new messages to ingest and everything else to api, with paths as they came", async () => {
    expect((await ask("/messages/batch", { method: "POST" })).body.name).to.equal("ingest");
    expect((await ask("/messages", { method: "PUT" })).body.name).to.equal("ingest");
    const reader = "/applications/a/chats/1/reads/anna%2F%C3%A9%20%25%3F%2e%2E";
    for (const path of ["/", "/messages/1", "/applications/a%2Fb/chats?after=1", reader]) {
      expect((await ask(path)).body).to.include({ name: "api", url: path });
    }
  });

  it("sends paths that differ in case, or by a slash at the end, to api, which says how they are written", async () => {
    for (const path of ["/messages/", "/Messages", "/MESSAGES/BATCH", "/messages/batch/", "//messages"]) {
      expect((await ask(path, { method: "POST" })).body, path).to.include({ name: "api", url: path });
    }
  });

  it("compresses long JSON for clients that want it, and keeps its tag", async () => {
    const get = (encoding: string) =>
      fetch(`${front.nginx.url}/long`, { headers: { "accept-encoding": encoding } }).then(async (response) => {
        expect(await response.json()).to.deep.equal({ body: "x".repeat(10_000) });
        return response.headers;
      });
    const small = await get("gzip");
    expect([small.get("content-encoding"), small.get("vary"), small.get("etag")]).to.deep.equal([
      "gzip",
      "Accept-Encoding",
      'W/"tag"',
    ]);
    expect((await get("identity")).get("content-encoding")).to.equal(null);
  });

  it("passes on each event of a stream at once", async () => {
    const numbers = Array.from({ length: 300 }, (_, at) => 1_000_000 + at).join(",");
    // The id is as long as the longest position of a stream of many chats.
    const id = "x".repeat(6_000);
    for (const path of ["/applications/a/chats/1/messages/stream", `/applications/a/stream?chats=${numbers}`]) {
      const ending = new AbortController();
      const headers = { "Last-Event-ID": id };
      const response = await fetch(`${front.nginx.url}${path}`, { signal: ending.signal, headers });
      let text = "";
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (text.endsWith("\n\n")) break;
      }
      expect(text).to.equal(`id: ${id}\ndata: 1\n\n`);
      ending.abort();
    }
  });

  it("waits for a list of messages that waits, and passes its answer on at once", async () => {
    const path = "/applications/a/chats/1/messages?after=1&wait=30";
    expect((await ask(path)).body).to.include({ name: "api", url: path });
    const seconds = /proxy_read_timeout (\d+)s/.exec(readFileSync(join(folder, "nginx/nginx.conf"), "utf8"))?.[1];
    expect(Number(seconds), "the longest wait is 30 seconds").to.be.above(30);
  });

  it("gives the services the address of the client, whatever the client says", async () => {
    const { body } = await ask("/", { headers: { "x-forwarded-for": "203.0.113.5" } });
    expect(body.address).to.equal("127.0.0.1");
  });

  it("takes over a sane request id and makes one otherwise", async () => {
    const idFor = async (id: string) => (await ask("/", { headers: { "x-request-id": id } })).body.id;
    expect(await idFor("a.B_9-z")).to.equal("a.B_9-z");
    expect(await idFor("with blank")).to.match(/^[0-9a-f]{32}$/);
    expect(await idFor("x".repeat(129))).to.match(/^[0-9a-f]{32}$/);
    expect((await ask("/")).body.id).to.match(/^[0-9a-f]{32}$/);
  });

  it("logs each request as a line of JSON", async () => {
    const agent = 'quote " and \\ backslash';
    await ask("/logged?x=1", { headers: { "x-request-id": "logged-1", "user-agent": agent } });
    const lines = readFileSync(accessLog, "utf8").trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const entry = entries.find(({ request_id: id }) => id === "logged-1");
    expect(entry).to.include({
      remote_addr: "127.0.0.1",
      method: "GET",
      uri: "/logged?x=1",
      status: 200,
      user_agent: agent,
    });
    expect(entry?.request_time).to.be.a("number");
    expect(entry).to.have.keys(
      "time",
      "request_id",
      "remote_addr",
      "method",
      "uri",
      "status",
      "bytes",
      "request_time",
      "upstream_time",
      "upstream_status",
      "user_agent",
    );
  });
});
