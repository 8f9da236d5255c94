import { expect } from "chai";
import { createLogger, shortToken } from "./index.ts";

const someToken = "8c5f3a52-6f0e-4f3b-9c39-0d3b7f8d4a11";

function capture(): { lines: string[]; log: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  const log = createLogger(
    { level: "info", service: "api", version: "1.2.3" },
    { write: (line) => void lines.push(line) },
  );
  return { lines, log };
}

function fieldsOf(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? "{}") as Record<string, unknown>;
}

describe("createLogger", () => {
  it("writes one JSON line with an ISO time, the level as a word and the service", () => {
    const { lines, log } = capture();
    log.warn({ application: shortToken(someToken) }, "slow");
    expect(lines).to.have.length(1);
    const { time, ...rest } = fieldsOf(lines[0]);
    expect(new Date(String(time)).toISOString()).to.equal(time);
    expect(rest).to.deep.equal({
      level: "warn",
      service: "api",
      version: "1.2.3",
      application: "8c5f3a52",
      message: "slow",
    });
  });

  it("keeps bodies, keys and tokens out wherever they commonly are", () => {
    const { lines, log } = capture();
    const headers = { authorization: "Bearer hunter2", cookie: "hunter2", "idempotency-key": "hunter2" };
    log.info({
      body: "hunter2",
      token: "hunter2",
      application_token: "hunter2",
      idempotency_key: "hunter2",
      headers,
      req: { headers, body: "hunter2" },
      item: { body: "hunter2", idempotencyKey: "hunter2" },
      items: [{ body: "hunter2" }],
    });
    log.info({ admin_key: "hunter2", ADMIN_API_KEY: "hunter2", "X-Api-Key": "hunter2", config: { apiKey: "hunter2" } });
    log.info({
      secret: "hunter2",
      Password: "hunter2",
      headers: { Authorization: "hunter2", "Set-Cookie": ["hunter2"] },
    });
    log.child({ token: "hunter2", adminKey: "hunter2", api_key: "hunter2" }).info("bound");
    expect(lines).to.have.length(4);
    expect(lines.join()).not.to.include("hunter2");
  });

  it("changes nothing of what it is given to log", () => {
    const { log } = capture();
    const fields = { chat: 7, item: { body: "Hello" }, items: [{ token: someToken }] };
    log.info(fields);
    expect(fields).to.deep.equal({ chat: 7, item: { body: "Hello" }, items: [{ token: someToken }] });
  });

  it("keeps what clients attach to their errors out, and the chain of causes in", () => {
    const { lines, log } = capture();
    const cause = new Error("connection reset");
    const error = Object.assign(new Error("cannot store", { cause }), { code: "ECONN", meta: { params: "hunter2" } });
    log.error({ err: error }, "failed");
    expect(lines[0]).not.to.include("hunter2");
    const { err } = fieldsOf(lines[0]) as { err: { message: string; stack: string; code: string } };
    expect(err.message).to.equal("cannot store: connection reset");
    expect(err.stack).to.include("logger.test.ts");
    expect(err.code).to.equal("ECONN");
  });
});

describe("shortToken", () => {
  it("is the first eight characters of the token", () => {
    expect(shortToken(someToken)).to.equal("8c5f3a52");
  });
});
