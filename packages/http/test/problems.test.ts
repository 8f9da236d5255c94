import { useForAll } from "@confab/testkit";
import { defaultDetail, ProblemError, problems, type FieldError, type ProblemCode } from "@confab/contracts";
import { expect } from "chai";
import { publicAddress, someToken, problemOf, startApp } from "./start-app.ts";

describe("error answers", () => {
  let invalid: FieldError[] = [];
  const app = useForAll(() =>
    startApp((router) => {
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
      router.get("/invalid", () => {
        throw new ProblemError("validation-failed", { errors: invalid });
      });
      router.get("/plain/:code", ({ params }) => {
        throw new ProblemError(params.code as ProblemCode);
      });
    }),
  );

  it("are RFC 9457 documents with the problem's type, the path and the request id", async () => {
    const response = await fetch(`${app.url}/problem?secret=1`, { headers: { "x-request-id": "abc-1" } });
    const { status, headers, problem } = await problemOf(response);
    expect(status).to.equal(404);
    expect(headers.get("x-extra")).to.equal("1");
    expect(problem).to.deep.equal({
      type: `${publicAddress}/problems/chat-not-found`,
      code: "chat-not-found",
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

  it("say nothing about the cause of a defect, whose stack goes to the log", async () => {
    for (const path of ["/bug", "/string"]) {
      app.lines.length = 0;
      const { status, problem } = await problemOf(await fetch(app.url + path));
      expect(status).to.equal(500);
      expect(problem.detail).to.equal(defaultDetail("internal-error"));
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
    expect(problem.type).to.equal(`${publicAddress}/problems/malformed-request`);
  });

  it("have a detail, a code and a path whatever the problem, without Markdown", async () => {
    for (const [code, { status, meaning }] of Object.entries(problems)) {
      const answer = await problemOf(await fetch(`${app.url}/plain/${code}`));
      expect(answer.status).to.equal(status);
      expect(answer.problem).to.include({
        code,
        instance: `/plain/${code}`,
        type: `${publicAddress}/problems/${code}`,
      });
      expect(answer.problem.detail).to.equal(meaning.replaceAll("`", ""));
    }
  });

  it("say in their detail what is invalid", async () => {
    for (const [errors, detail] of [
      [[{ pointer: "?limit", detail: "must be at most 100" }], "?limit must be at most 100."],
      [[{ pointer: "", detail: "must be an object" }], "The body must be an object."],
      [
        [
          { pointer: "?chat", detail: "is not a parameter. Did you mean chats?" },
          { pointer: "/a", detail: "is required" },
          { pointer: "/b", detail: "is required" },
        ],
        "?chat is not a parameter. Did you mean chats? See errors for 2 more.",
      ],
    ] as const) {
      invalid = [...errors];
      const { status, problem } = await problemOf(await fetch(`${app.url}/invalid`));
      expect(status).to.equal(422);
      expect(problem).to.deep.include({ detail, errors });
    }
  });

  describe("when no route matches", () => {
    it("are 404 on an unknown path", async () => {
      const { status, problem } = await problemOf(await fetch(`${app.url}/nowhere`));
      expect(status).to.equal(404);
      expect(problem.type).to.equal(`${publicAddress}/problems/route-not-found`);
    });

    it("are 405 with Allow on a path with other methods", async () => {
      const { status, headers } = await problemOf(
        await fetch(`${app.url}/applications/${someToken}`, { method: "POST" }),
      );
      expect(status).to.equal(405);
      expect(headers.get("allow")?.split(", ")).to.include.members(["GET", "HEAD", "PATCH", "PUT"]);
      expect(headers.get("allow")).not.to.include("POST");
    });

    it("are 404 with the right path where a path has a slash at its end, empty segments or capitals", async () => {
      for (const [method, path, right] of [
        ["POST", "/messages/", "/messages"],
        ["POST", "/Messages/Batch", "/messages/batch"],
        ["GET", "/APPLICATIONS", "/applications"],
        ["GET", `/applications/${someToken}/`, `/applications/${someToken}`],
        ["GET", `//applications//${someToken}/chats/`, `/applications/${someToken}/chats`],
        ["DELETE", "/messages/", "/messages"],
      ] as const) {
        const { status, problem } = await problemOf(await fetch(app.url + path, { method }));
        expect(status, path).to.equal(404);
        expect(problem.detail).to.equal(`Paths are in lower case and do not end with a slash. Use ${right}.`);
      }
    });

    it("are 404 with the name of an empty parameter, such as a token from a variable that is not set", async () => {
      for (const [method, path, missing] of [
        ["POST", "/applications//chats", "the token of the application"],
        ["GET", "/applications//chats/1/messages", "the token of the application"],
        ["GET", `/applications/${someToken}/chats//messages`, "{chat}"],
      ] as const) {
        const { status, problem } = await problemOf(await fetch(app.url + path, { method }));
        expect(status, path).to.equal(404);
        expect(problem.detail).to.equal(`The path is missing ${missing}: an empty segment stands in its place.`);
      }
    });

    it("say where messages are posted", async () => {
      const path = `/applications/${someToken}/chats/1/messages`;
      const { status, problem } = await problemOf(await fetch(app.url + path, { method: "POST", body: "{}" }));
      expect(status).to.equal(405);
      expect(problem.detail).to.include("POST /messages");
    });

    it("are 404 on paths of another service", async () => {
      expect((await problemOf(await fetch(`${app.url}/messages`, { method: "POST" }))).status).to.equal(404);
    });
  });
});
