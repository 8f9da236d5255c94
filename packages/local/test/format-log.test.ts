import { expect } from "chai";
import { formatLogLine } from "../src/format-log.ts";

describe("formatLogLine", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 6).toISOString();

  it("shows time, service, level, message and the fields that distinguish lines", () => {
    const line = JSON.stringify({
      level: "warn",
      time,
      service: "api",
      pid: 7,
      message: "slow",
      request_id: "r1",
      ms: 12,
    });
    expect(formatLogLine(line, "api", false)).to.equal("03:04:05.006 api           WARN  slow request_id=r1 ms=12");
  });

  it("knows levels that are numbers", () => {
    expect(formatLogLine(JSON.stringify({ level: 50, time, message: "broken" }), "worker", false)).to.match(
      /ERROR broken$/,
    );
  });

  it("puts the stack of an error on lines of its own", () => {
    const line = JSON.stringify({
      level: "error",
      time,
      message: "broken",
      err: { message: "x", stack: "Error: x\n    at y" },
    });
    expect(formatLogLine(line, "api", false)).to.match(/broken err=\n {2}Error: x\n {4}at y$/);
  });

  it("shows a line of the access log as method, address, status and duration", () => {
    const line = JSON.stringify({
      time,
      request_id: "r1",
      remote_addr: "::1",
      method: "GET",
      uri: "/a",
      status: 200,
      request_time: 0.0124,
    });
    expect(formatLogLine(line, "access", false)).to.match(/access +GET \/a 200 12 ms ::1 request_id=r1$/);
  });

  it("leaves other lines as they are, broken JSON too", () => {
    expect(formatLogLine("plain text", "redis", false)).to.equal("redis         plain text");
    expect(formatLogLine('{"cut', "api", false)).to.equal('api           {"cut');
  });
});
