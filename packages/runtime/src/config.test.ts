import { expect } from "chai";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, describeConfig, durationMs, flag, integer, list, parseEnv, port, secret, url } from "./index.ts";

const schema = z
  .object({
    HTTP_PORT: port().default(3000).describe("where clients connect"),
    DATABASE_URL: url({ schemes: ["mysql"] })
      .meta({ secret: true })
      .describe("the database"),
    ADMIN_KEY: secret({ minLength: 12 }).optional().describe("opens the application routes"),
    SHUTDOWN_TIMEOUT: durationMs({ min: 1 }).default(25_000).describe("the hard limit of a shutdown"),
    DRAIN: durationMs().default(5_000).describe("how long to go on serving"),
    LOG_LEVEL: z.enum(["debug", "info"]).default("info").describe("the least important level to log"),
    TRACE: flag().default(false).describe("records traces"),
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

  it("takes an empty value for an unset one", () => {
    expect(parseEnv(schema, { DATABASE_URL, HTTP_PORT: "" }).HTTP_PORT).to.equal(3000);
  });

  it("lists every problem at once, with the expected form", () => {
    const error = problemsOf({ HTTP_PORT: "80a", LOG_LEVEL: "loud", TRACE: "maybe" });
    expect(error.problems).to.deep.equal([
      { name: "HTTP_PORT", message: 'expected a port number from 0 to 65535, got "80a" (where clients connect)' },
      { name: "DATABASE_URL", message: "is not set; expected a URL with mysql:// (the database)" },
      {
        name: "LOG_LEVEL",
        message: 'expected one of debug, info, got "loud" (the least important level to log)',
      },
      { name: "TRACE", message: 'expected true or false, got "maybe" (records traces)' },
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

describe("describeConfig", () => {
  it("has one row per variable, with what a reader needs to set it", () => {
    expect(describeConfig(schema).slice(0, 3)).to.deep.equal([
      {
        name: "HTTP_PORT",
        form: "a port number from 0 to 65535",
        default: 3000,
        required: false,
        secret: false,
        description: "where clients connect",
      },
      {
        name: "DATABASE_URL",
        form: "a URL with mysql://",
        default: undefined,
        required: true,
        secret: true,
        description: "the database",
      },
      {
        name: "ADMIN_KEY",
        form: "a secret of at least 12 characters",
        default: undefined,
        required: false,
        secret: true,
        description: "opens the application routes",
      },
    ]);
  });
});

describe("config leaves", () => {
  it("read a duration in every unit as milliseconds", () => {
    const durations = ["7", "7ms", "7s", "7m", "7h", "7d"].map((text) => durationMs().parse(text));
    expect(durations).to.deep.equal([7, 7, 7_000, 420_000, 25_200_000, 604_800_000]);
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

  it("split a list at commas and drop what is empty", () => {
    expect(list().parse("a, b,,c ")).to.deep.equal(["a", "b", "c"]);
  });
});
