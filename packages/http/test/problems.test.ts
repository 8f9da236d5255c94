import { ProblemError } from "@confab/contracts";
import { expect } from "chai";
import express from "express";
import { PUBLIC_URL, TOKEN, problemOf, startApp } from "./start-app.ts";
import type { TestApp } from "./start-app.ts";

describe("error answers", () => {
  let app: TestApp;
  before(async () => {
    app = await startApp((router) => {
      router.get("/problem", () => {
        throw new ProblemError("chat-not-found", { detail: "No chat 7.", headers: { "X-Extra": "1" } });
      });
      router.get("/unavailable", () =>
        Promise.reject(new ProblemError("storage-unavailable", { retryAfterSeconds: 2.2 })),
      );
      router.get("/bug", () => Promise.reject(new Error("select hunter2")));
      router.get("/string", (_req, _res, next) => {
        next("hunter2");
      });
      router.get("/half", (_req, res) => {
        res.write("half");
        throw new Error("broke");
      });
      router.get("/named/:name", (_req, res) => void res.end());
      router.post("/parsed", express.json({ limit: 100 }), (_req, res) => void res.end());
    });
  });
  after(() => app.stop());

  it("are RFC 9457 documents with the problem's type, the path and the request id", async () => {
    const response = await fetch(`${app.url}/problem?secret=1`, { headers: { "x-request-id": "abc-1" } });
    const { status, headers, problem } = await problemOf(response);
    expect(status).to.equal(404);
    expect(headers.get("x-extra")).to.equal("1");
    expect(problem).to.deep.equal({
      type: `${PUBLIC_URL}/problems/chat-not-found`,
      title: "Chat not found",
      status: 404,
      detail: "No chat 7.",
      instance: "/problem",
      request_id: "abc-1",
    });
  });

  it("say when to retry, in whole seconds", async () => {
    const { status, headers } = await problemOf(await fetch(`${app.url}/unavailable`));
    expect(status).to.equal(503);
    expect(headers.get("retry-after")).to.equal("3");
  });

  it("give no details of an internal error, and log its stack", async () => {
    for (const path of ["/bug", "/string"]) {
      app.lines.length = 0;
      const { status, problem } = await problemOf(await fetch(app.url + path));
      expect(status).to.equal(500);
      expect(problem).to.have.keys("type", "title", "status", "instance", "request_id");
      expect(JSON.stringify(problem)).not.to.include("hunter2");
      const logged = app.lines.find((line) => line.message === "unexpected error");
      expect(logged).to.include({ level: "error", request_id: problem.request_id });
      expect(JSON.stringify(logged)).to.include("hunter2");
    }
  });

  it("close the connection if another answer was already partly sent", async () => {
    const broken = await fetch(`${app.url}/half`)
      .then((response) => response.text())
      .catch((error: unknown) => error);
    expect(broken).to.be.instanceOf(TypeError);
  });

  it("have no body on HEAD", async () => {
    const response = await fetch(`${app.url}/problem`, { method: "HEAD" });
    expect(response.status).to.equal(404);
    expect(await response.text()).to.equal("");
  });

  it("report a path with invalid percent-encoding as malformed", async () => {
    const { status, problem } = await problemOf(await fetch(`${app.url}/named/%E0%A4%A`));
    expect(status).to.equal(400);
    expect(problem.type).to.equal(`${PUBLIC_URL}/problems/malformed-request`);
  });

  it("translate errors of body-parser", async () => {
    const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${app.url}/parsed`, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
    const codes = await Promise.all(
      [
        post("{"),
        post(JSON.stringify("a".repeat(200))),
        post("{}", { "content-type": "application/json; charset=klingon" }),
        post("{}", { "content-encoding": "klingon" }),
      ].map(async (response) => (await problemOf(await response)).problem.type),
    );
    expect(codes).to.deep.equal(
      ["malformed-json", "payload-too-large", "unsupported-media-type", "unsupported-media-type"].map(
        (code) => `${PUBLIC_URL}/problems/${code}`,
      ),
    );
  });

  describe("when no route matches", () => {
    it("are 404 on an unknown path", async () => {
      const { status, problem } = await problemOf(await fetch(`${app.url}/nowhere`));
      expect(status).to.equal(404);
      expect(problem.type).to.equal(`${PUBLIC_URL}/problems/route-not-found`);
    });

    it("are 405 with Allow on a path with other methods", async () => {
      const { status, headers } = await problemOf(await fetch(`${app.url}/applications/${TOKEN}/`, { method: "POST" }));
      expect(status).to.equal(405);
      expect(headers.get("allow")?.split(", ")).to.include.members(["GET", "HEAD", "PATCH", "PUT"]);
      expect(headers.get("allow")).not.to.include("POST");
    });

    it("say where to send messages", async () => {
      const path = `/applications/${TOKEN}/chats/1/messages`;
      const { status, problem } = await problemOf(await fetch(app.url + path, { method: "POST", body: "{}" }));
      expect(status).to.equal(405);
      expect(problem.detail).to.include("POST /messages");
    });

    it("are 404 on paths of another service", async () => {
      expect((await problemOf(await fetch(`${app.url}/messages`, { method: "POST" }))).status).to.equal(404);
    });
  });
});
