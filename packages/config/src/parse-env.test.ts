import { expect } from "chai";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { describeVariables } from "./describe-variables.ts";
import { bytes, durationMs, integer, onOff, origins, port, secret, url } from "./leaves.ts";
import { ConfigError, parseEnv } from "./parse-env.ts";

const schema = z
  .object({
    HTTP_PORT: port().prefault("3000").describe("Port for clients. Not for probes"),
    DATABASE_URL: url({ schemes: ["mysql"] })
      .meta({ secret: true })
      .describe("The database"),
    ADMIN_KEY: secret({ minLength: 12 }).optional().describe("Key of the application routes"),
    SHUTDOWN_TIMEOUT: durationMs({ min: "1ms" }).prefault("25s").describe("Maximum duration of a shutdown"),
    DRAIN: durationMs().prefault("5s").describe("Time to keep serving"),
    LOG_LEVEL: z.enum(["debug", "info"]).prefault("info").describe("Minimum log level"),
    TRACE: onOff().prefault("off").describe("Whether traces are recorded"),
  })
  .superRefine((value, context) => {
    if (value.DRAIN >= value.SHUTDOWN_TIMEOUT) {
      context.addIssue({ code: "custom", path: ["DRAIN"], message: "must be shorter than SHUTDOWN_TIMEOUT" });
    }
  });
const DATABASE_URL = "mysql://confab:hunter2@db/confab";

function problemsOf(env: Record<string, string>): ConfigError {
  try {
    parseEnv(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("expected a ConfigError");
}

describe("parseEnv", () => {
  it("turns text into typed values and fills in defaults", () => {
    expect(parseEnv(schema, { DATABASE_URL, HTTP_PORT: "8080", SHUTDOWN_TIMEOUT: "1m", TRACE: "on" })).to.deep.equal({
      HTTP_PORT: 8080,
      DATABASE_URL,
      SHUTDOWN_TIMEOUT: 60_000,
      DRAIN: 5_000,
      LOG_LEVEL: "info",
      TRACE: true,
    });
  });

  it("treats an empty value as unset", () => {
    expect(parseEnv(schema, { DATABASE_URL, HTTP_PORT: "" }).HTTP_PORT).to.equal(3000);
  });

  it("lists every problem at once, with the expected form and the first sentence of the description", () => {
    const error = problemsOf({ HTTP_PORT: "80a", LOG_LEVEL: "loud", TRACE: "maybe" });
    expect(error.problems).to.deep.equal([
      { name: "HTTP_PORT", message: 'expected a port number from 0 to 65535, got "80a" (Port for clients)' },
      { name: "DATABASE_URL", message: "is not set; expected a URL with mysql:// (The database)" },
      {
        name: "LOG_LEVEL",
        message: 'expected debug or info, got "loud" (Minimum log level)',
      },
      { name: "TRACE", message: 'expected on or off, got "maybe" (Whether traces are recorded)' },
    ]);
    for (const { name, message } of error.problems) expect(error.message).to.include(`${name}: ${message}`);
  });

  it("never shows the value of a secret", () => {
    const error = problemsOf({ DATABASE_URL: "postgres://confab:hunter2@db", ADMIN_KEY: "hunter2" });
    expect(error.problems.map((problem) => problem.name)).to.deep.equal(["DATABASE_URL", "ADMIN_KEY"]);
    expect(error.message).not.to.include("hunter2");
  });

  it("reports a check across fields in its own words", () => {
    expect(problemsOf({ DATABASE_URL, DRAIN: "30s" }).problems).to.deep.equal([
      { name: "DRAIN", message: "must be shorter than SHUTDOWN_TIMEOUT" },
    ]);
  });

  describe("with NAME_FILE", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "confab-config-"));
    });
    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    it("reads the value from the file, without its last line break", () => {
      writeFileSync(join(folder, "url"), `${DATABASE_URL}\n`);
      expect(parseEnv(schema, { DATABASE_URL_FILE: join(folder, "url") }).DATABASE_URL).to.equal(DATABASE_URL);
    });

    it("reports a file that cannot be read next to the other problems", () => {
      const error = problemsOf({ DATABASE_URL_FILE: join(folder, "absent"), HTTP_PORT: "x" });
      expect(error.problems.map((problem) => problem.name)).to.have.members(["DATABASE_URL", "HTTP_PORT"]);
      expect(error.message).to.include("the file named by DATABASE_URL_FILE cannot be read (ENOENT)");
    });

    it("refuses a value given twice", () => {
      expect(problemsOf({ DATABASE_URL, DATABASE_URL_FILE: "/x" }).message).to.include("set one of them");
    });
  });
});

describe("describeVariables", () => {
  it("says of each variable what a reader needs to set it, with the default as one would write it", () => {
    const described = describeVariables(schema);
    expect(described.slice(0, 4)).to.deep.equal([
      {
        name: "HTTP_PORT",
        form: "a port number from 0 to 65535",
        default: "3000",
        required: false,
        secret: false,
        description: "Port for clients. Not for probes",
      },
      {
        name: "DATABASE_URL",
        form: "a URL with mysql://",
        default: undefined,
        required: true,
        secret: true,
        description: "The database",
      },
      {
        name: "ADMIN_KEY",
        form: "text of at least 12 characters",
        default: undefined,
        required: false,
        secret: true,
        description: "Key of the application routes",
      },
      {
        name: "SHUTDOWN_TIMEOUT",
        form: "a duration such as 500ms, 10s or 7d, at least 1ms",
        default: "25s",
        required: false,
        secret: false,
        description: "Maximum duration of a shutdown",
      },
    ]);
    const defaults = described.map((variable) => variable.default);
    expect(defaults).to.deep.equal(["3000", undefined, undefined, "25s", "5s", "info", "off"]);
  });
});

describe("config leaves", () => {
  it("read a duration in every unit as milliseconds", () => {
    const durations = ["7", "7ms", "7s", "7m", "7h", "7d"].map((text) => durationMs().parse(text));
    expect(durations).to.deep.equal([7, 7, 7_000, 420_000, 25_200_000, 604_800_000]);
  });

  it("read a size in every unit as bytes, and refuse one below the minimum", () => {
    expect(["7", "7KiB", "7MiB", "7GiB"].map((text) => bytes().parse(text))).to.deep.equal([
      7,
      7 * 1024,
      7 * 1024 ** 2,
      7 * 1024 ** 3,
    ]);
    expect(bytes({ min: "8MiB" }).parse("8388608")).to.equal(8_388_608);
    for (const text of ["8388607", "8000KiB", "9MB", "9 MiB", "0.5GiB", ""]) {
      expect(bytes({ min: "8MiB" }).safeParse(text).success, text).to.equal(false);
    }
  });

  it("refuse durations that are not one number and one unit", () => {
    for (const text of ["", "s", "1.5s", "-1s", "1 s", "1s 2ms", "1w"]) {
      expect(durationMs().safeParse(text).success, text).to.equal(false);
    }
  });

  it("read back any integer within the bounds and refuse any other", () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const result = integer({ min: -100, max: 1_000_000 }).safeParse(String(value));
        expect(result.success).to.equal(value >= -100 && value <= 1_000_000);
        if (result.success) expect(result.data).to.equal(value);
      }),
    );
  });

  it("refuse numbers written in another notation", () => {
    for (const text of ["", " 1", "1 ", "1e3", "0x10", "1.0", "NaN", "+1"]) {
      expect(integer().safeParse(text).success, text).to.equal(false);
    }
  });

  it("accept a URL of a listed scheme only", () => {
    const leaf = url({ schemes: ["http", "https"] });
    expect(leaf.parse("https://chat.example/")).to.equal("https://chat.example");
    for (const text of ["ftp://chat.example", "chat.example", "//chat.example", "https//chat"]) {
      expect(leaf.safeParse(text).success, text).to.equal(false);
    }
  });

  it("accept origins as browsers send them only", () => {
    expect(origins().parse("https://chat.example.com, http://localhost:5173")).to.deep.equal([
      "https://chat.example.com",
      "http://localhost:5173",
    ]);
    for (const text of [
      "*",
      "null",
      "chat.example.com",
      "https://a.example/",
      "https://a.example/x",
      "https://A.example",
      "https://a.example:443",
      "ws://a.example",
      "https://a.example,,",
    ]) {
      expect(origins().safeParse(text).success, text).to.equal(false);
    }
  });
});
