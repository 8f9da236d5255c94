import { expect } from "chai";
import { z } from "zod";
import { ConfigError, parseEnv } from "./parse-env.ts";
import { checkingStores } from "./store-checks.ts";
import {
  databaseSettings,
  databaseVariables,
  redisSettings,
  redisVariables,
  searchSettings,
  searchVariables,
} from "./store-variables.ts";

const schema = checkingStores(z.object({ ...redisVariables, ...databaseVariables, ...searchVariables }));
const minimal = {
  REDIS_URL: "redis://redis:6379",
  DATABASE_URL: "mysql://mysql:3306/confab",
  ELASTICSEARCH_URL: "http://search:9200",
};

function problemsOf(env: Record<string, string>): Record<string, string> {
  try {
    parseEnv(schema, { ...minimal, ...env });
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ name, message }) => [name, message]));
  }
}

describe("The stores' variables", () => {
  it("require only the addresses", () => {
    const variables = parseEnv(schema, minimal);
    expect(redisSettings(variables)).to.deep.equal({
      url: minimal.REDIS_URL,
      cluster: false,
      username: undefined,
      password: undefined,
    });
    expect(databaseSettings(variables)).to.include({ url: minimal.DATABASE_URL });
    expect(searchSettings(variables)).to.include({ backend: "elasticsearch", url: minimal.ELASTICSEARCH_URL });
  });

  it("accept a password with any characters, unencoded", () => {
    const password = "p@ss:w/o?rd#%25 é,=&";
    const variables = parseEnv(schema, {
      ...minimal,
      REDIS_PASSWORD: password,
      DATABASE_USERNAME: "confab",
      DATABASE_PASSWORD: password,
      ELASTICSEARCH_USERNAME: "confab",
      ELASTICSEARCH_PASSWORD: password,
    });
    expect(redisSettings(variables).password).to.equal(password);
    expect(databaseSettings(variables)).to.include({ user: "confab", password });
    expect(searchSettings(variables)).to.include({ username: "confab", password });
  });

  it("accept several nodes of a cluster, and say what to do where REDIS_CLUSTER is off", () => {
    const REDIS_URL = "redis://a:7000,redis://b:7000";
    expect(problemsOf({ REDIS_URL, REDIS_CLUSTER: "on" })).to.deep.equal({});
    expect(problemsOf({ REDIS_URL }).REDIS_URL).to.include("set REDIS_CLUSTER=on");
  });

  it("refuse a cluster in which only some nodes use TLS, and a database number in a cluster", () => {
    const mixed = problemsOf({ REDIS_CLUSTER: "on", REDIS_URL: "redis://a,rediss://b" });
    expect(mixed.REDIS_URL).to.include("mixes");
    const numbered = problemsOf({ REDIS_CLUSTER: "on", REDIS_URL: "redis://a:6379/1" });
    expect(numbered.REDIS_URL).to.include("remove everything after the port");
  });

  it("accept Sentinels instead of an address, with TLS where it is turned on", () => {
    const others = { ...minimal, REDIS_URL: "" };
    const REDIS_SENTINELS = "one:26379, two, [::1]:26380";
    const sentinel = { masterName: "mymaster", username: undefined, password: undefined };
    expect(redisSettings(parseEnv(schema, { ...others, REDIS_SENTINELS }))).to.deep.include({
      url: `redis://${REDIS_SENTINELS}`,
      sentinel,
    });
    const named = { REDIS_SENTINELS, REDIS_MASTER_NAME: "chat", REDIS_SENTINEL_PASSWORD: "p@ss", REDIS_TLS: "on" };
    expect(redisSettings(parseEnv(schema, { ...others, ...named }))).to.deep.include({
      url: `rediss://${REDIS_SENTINELS}`,
      sentinel: { ...sentinel, masterName: "chat", password: "p@ss" },
    });
  });

  it("refuse Sentinels together with an address or a cluster, and refuse the absence of both", () => {
    expect(problemsOf({ REDIS_SENTINELS: "one:26379" }).REDIS_SENTINELS).to.include("set only one of them");
    const cluster = { REDIS_URL: "", REDIS_SENTINELS: "one:26379", REDIS_CLUSTER: "on" };
    expect(problemsOf(cluster).REDIS_CLUSTER).to.include("a cluster has no Sentinels");
    expect(problemsOf({ REDIS_SENTINELS: "redis://one" }).REDIS_SENTINELS).to.include(
      "expected one or more of host:port",
    );
    expect(problemsOf({ REDIS_URL: "", DATABASE_URL: "nonsense" })).to.have.keys("REDIS_URL", "DATABASE_URL");
  });

  it("say what is missing of a user and its password", () => {
    for (const [name, other] of [
      ["REDIS_USERNAME", "REDIS_PASSWORD"],
      ["DATABASE_USERNAME", "DATABASE_PASSWORD"],
      ["DATABASE_PASSWORD", "DATABASE_USERNAME"],
      ["ELASTICSEARCH_USERNAME", "ELASTICSEARCH_PASSWORD"],
      ["ELASTICSEARCH_PASSWORD", "ELASTICSEARCH_USERNAME"],
    ] as const) {
      expect(problemsOf({ [name]: "hunter2" })).to.deep.equal({
        [name]: `is set without ${other}; set both, or neither`,
      });
    }
  });

  it("take the missing half from the address", () => {
    expect(problemsOf({ DATABASE_URL: "mysql://confab@mysql/confab", DATABASE_PASSWORD: "x" })).to.deep.equal({});
    expect(problemsOf({ REDIS_URL: "redis://:x@redis", REDIS_USERNAME: "confab" })).to.deep.equal({});
  });

  it("refuse an API key together with a user", () => {
    const both = { ELASTICSEARCH_API_KEY: "k", ELASTICSEARCH_USERNAME: "u", ELASTICSEARCH_PASSWORD: "p" };
    expect(problemsOf(both)).to.have.keys("ELASTICSEARCH_API_KEY");
    expect(problemsOf({ ELASTICSEARCH_API_KEY: "k" })).to.deep.equal({});
  });

  it("never show the content of an address", () => {
    const problems = problemsOf({ REDIS_URL: "redis://:hunter2%@redis", ELASTICSEARCH_URL: "search:hunter2@x" });
    expect(problems).to.have.keys("REDIS_URL", "ELASTICSEARCH_URL");
    expect(JSON.stringify(problems)).not.to.include("hunter2");
  });
});
