import { useEnding } from "@confab/testkit";
import { expect } from "chai";
import { keyMaker } from "./key-world.ts";
import { problemOf, startApi, useApi } from "./start.ts";

const endAfterTest = useEnding();

const page = "https://chat.example.com";
const preflight = {
  origin: page,
  "access-control-request-method": "PUT",
  "access-control-request-headers": "authorization",
};

describe("web pages of other origins", () => {
  let path: string;
  const { world, api } = useApi({ REQUIRE_KEYS: "on", CORS_ORIGINS: `${page}, http://localhost:5173` });
  before(async () => {
    path = `/applications/${await world.newApplication()}`;
  });

  it("may send every request if they are on the list", async () => {
    const answer = await api.send("OPTIONS", path, undefined, preflight);
    expect(answer.status).to.equal(204);
    expect(answer.headers.get("access-control-allow-origin")).to.equal(page);
    expect(answer.headers.get("access-control-allow-methods")).to.include("PUT");
    const allowed = answer.headers.get("access-control-allow-headers")!.toLowerCase();
    for (const name of ["authorization", "content-type", "idempotency-key", "if-match", "last-event-id"]) {
      expect(allowed.split(",")).to.include(name);
    }
    expect(answer.headers.get("access-control-allow-credentials"), "cookies").to.equal(null);
  });

  it("may read every answer and its headers, also of errors and streams", async () => {
    const chat = await world.newChat();
    const { headers } = await keyMaker(world).make(chat.token);
    const at = `/applications/${chat.token}/chats/${chat.number}`;
    for (const origin of [page, "http://localhost:5173"]) {
      const answer = await api.get(at, { ...headers, origin });
      expect(answer.status).to.equal(200);
      expect(answer.headers.get("access-control-allow-origin")).to.equal(origin);
      expect(answer.headers.get("vary")).to.match(/origin/i);
      expect(answer.headers.get("access-control-expose-headers"))
        .to.match(/ETag/)
        .and.match(/Link/)
        .and.match(/Retry-After/);
    }
    for (const refused of [await api.get(at, { origin: page }), await api.get("/nothing", { origin: page })]) {
      problemOf(refused, refused.status === 401 ? "unauthorized" : "route-not-found");
      expect(refused.headers.get("access-control-allow-origin")).to.equal(page);
    }
    const stream = await fetch(`${api.url}${at}/messages/stream`, { headers: { ...headers, origin: page } });
    expect(stream.headers.get("access-control-allow-origin")).to.equal(page);
    await stream.body?.cancel();
  });

  it("may not if they are not on the list, or if there is none", async () => {
    const closed = endAfterTest(await startApi(world));
    for (const [service, origin] of [
      [api, "https://evil.example.com"],
      [api, "null"],
      [api, "https://chat.example.com.evil.example"],
      [api, "http://chat.example.com"],
      [closed, page],
    ] as const) {
      for (const method of ["GET", "OPTIONS"]) {
        const { headers } = await service.send(method, path, undefined, { ...preflight, origin });
        expect(headers.get("access-control-allow-origin"), `${method} ${origin}`).to.equal(null);
      }
    }
  });
});
