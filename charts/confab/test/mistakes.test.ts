import { expect } from "chai";
import { template } from "./src/helm.ts";

const rule = "monitoring.prometheusRule";

/** Returns Helm's error output. Fails if Helm accepts the values. */
async function refusalOf(...args: string[]): Promise<string> {
  const { code, stderr } = await template(args);
  expect(code).to.not.equal(0);
  return stderr;
}

const refusalOfSets = (sets: readonly string[]) => refusalOf(...sets.flatMap((set) => ["--set", set]));

/** Wrong values, each with the path that the error must contain. */
const planted: readonly (readonly [mistake: string, arg: string, where: RegExp])[] = [
  ["an unknown section", "ingres.enabled=true", /ingres\b/],
  ["a mistyped name inside a section", "ingest.replica=3", /ingest\b.*\breplica\b/],
  ["a mistyped name deep down", "mysql.persistence.sise=10Gi", /mysql[./]persistence\b.*\bsise\b/],
  ["a string instead of a number", "ingest.service.port=http", /ingest[./]service[./]port\b/],
  ["a string instead of a boolean", "networkPolicy.enabled=maybe", /networkPolicy[./]enabled\b/],
  ["an unknown word", "search.backend=solr", /search[./]backend\b/],
  ["a negative number", "worker.replicas=-1", /worker[./]replicas\b/],
  ["an invalid prefix of Redis keys", "config.redisKeyPrefix=a b", /config[./]redisKeyPrefix\b/],
  ["a list instead of a string", "image.tag={1,2}", /image[./]tag\b/],
  ["a fraction greater than 1", "ingest.limits.redisMemoryLimitRatio=7", /ingest[./]limits[./]redisMemoryLimitRatio\b/],
  ["an invalid schedule", "backup.schedule=daily", /backup[./]schedule\b/],
  ["an unknown setting of an alert", "monitoring.prometheusRule.alerts.X.after=5m", /alerts[./]X\b.*\bafter\b/],
  ["a short admin key", "adminApiKey.value=fifteen-letters", /adminApiKey[./]value\b/],
  ["a port above 65535", "externalRedis.hosts={redis-a:70000}", /externalRedis[./]hosts\b/],
  ["an empty volume", "redis.persistence.size=0Gi", /redis[./]persistence[./]size\b/],
  ["a link without a scheme", `${rule}.runbookUrlPrefix=git.example.com`, /prometheusRule[./]runbookUrlPrefix\b/],
  ["an invalid duration", "worker.store.sweepInterval=soon", /worker[./]store[./]sweepInterval\b/],
];

describe("a wrong value", () => {
  for (const [mistake, arg, where] of planted) {
    it(`is refused with its path: ${mistake}`, async () => {
      expect(await refusalOf("--set", arg))
        .to.include("values don't meet the specifications of the schema")
        .and.to.match(where);
    });
  }
});

/**
 * Values that a cluster refuses, that keep pods from starting or that make them lose messages, each with the advice
 * that the error must contain.
 */
const impossible: readonly (readonly [mistake: string, sets: string, advice: string])[] = [
  ["memory without a unit", "ingest.resources.limits.memory=512", "such as 512Mi"],
  ["thousandths of a byte", "api.resources.requests.memory=512m", "such as 512Mi"],
  [
    "more memory requested than allowed",
    "ingest.resources.requests.memory=1Gi",
    "raise ingest.resources.limits.memory",
  ],
  [
    "more processor requested than allowed",
    "worker.resources.requests.cpu=2,worker.resources.limits.cpu=500m",
    "raise worker.resources.limits.cpu",
  ],
  ["a thousand cores", "api.resources.requests.cpu=1000", "such as 250m"],
  ["an exporter without memory", "redis.metrics.resources.limits.memory=64", "such as 512Mi"],
  ["more connections than MySQL allows", "config.databasePoolSize=50,api.replicas=10", "at least 710"],
  [
    "more connections than MySQL allows, once scaled",
    "worker.keda.enabled=true,worker.keda.maxReplicas=40",
    "at least 450",
  ],
  ["a Redis without a volume", "redis.persistence.enabled=false", "set redis.persistence.enabled to true"],
  [
    "an autoscaler without a request",
    "api.autoscaling.enabled=true,api.resources.requests.cpu=null",
    "set api.resources.requests.cpu",
  ],
  ["the port of the process", "ingest.extraEnv[0].name=PORT,ingest.extraEnv[0].value=x", "ingest.extraEnv sets PORT"],
  [
    "a variable with a value of its own",
    "api.extraEnv[0].name=DATABASE_POOL_SIZE,api.extraEnv[0].value=x",
    "set config.databasePoolSize",
  ],
  [
    "an ingress to a service that is not installed",
    "ingress.enabled=true,api.enabled=false",
    "set ingest.enabled and api",
  ],
  [
    "a canary of a service that is not installed",
    "canary.enabled=true,canary.existingSecret=c,ingest.enabled=false",
    "set canary.url",
  ],
  [
    "an update that may do nothing",
    "api.strategy.rollingUpdate.maxSurge=0,api.strategy.rollingUpdate.maxUnavailable=0",
    "set maxSurge",
  ],
  ["a registry with a scheme", "global.imageRegistry=https://registry.example.com", "set it to registry.example.com"],
  ["root as the user of Confab", "mysql.auth.username=root", "choose another name"],
  ["a password of a MySQL elsewhere", "externalMysql.password=secret", "set mysql.auth.password"],
  ["a password of a Redis elsewhere", "externalRedis.password=secret", "set redis.auth.password"],
  ["a fallback above the maximum", "worker.keda.enabled=true,worker.keda.fallback.replicas=50", "set it to at most"],
  ["the admin port for clients", "ingest.service.port=9081", "ingest.service.port is 9081"],
  ["a probe of nothing", "api.livenessProbe.httpGet=null", "api.livenessProbe checks nothing"],
];

describe("values with which nothing could run", () => {
  for (const [mistake, sets, advice] of impossible) {
    it(`are refused with one sentence that says what to do: ${mistake}`, async () => {
      expect(await refusalOf("--set", sets))
        .to.include("The values have 1 mistake(s)")
        .and.include(advice);
    });
  }

  it("are refused: a variable with two sources", async () => {
    const variable = JSON.stringify([{ name: "A", value: "x", valueFrom: {} }]);
    expect(await refusalOf("--set-json", `ingest.extraEnv=${variable}`)).to.include("/ingest/extraEnv/0");
  });
});

describe("values that contradict each other", () => {
  it("are all refused at once, with one sentence each", async () => {
    const stderr = await refusalOfSets([
      "worker.keda.enabled=true",
      "worker.autoscaling.enabled=true",
      "mysql.enabled=false",
      "redis.enabled=false",
      "httpRoute.enabled=true",
      "api.replicas=2",
      "api.pdb.minAvailable=2",
      "ingest.terminationGracePeriodSeconds=10",
      "search.backend=elasticsearch",
      "elasticsearch.enabled=false",
      "config.requireKeys=true",
      "adminApiKey.enabled=false",
    ]);
    for (const named of [
      /worker\.keda\.enabled.*worker\.autoscaling\.enabled|worker\.autoscaling\.enabled.*worker\.keda\.enabled/,
      /externalMysql\.host/,
      /externalRedis\.hosts/,
      /externalElasticsearch\.hosts/,
      /httpRoute\.parentRefs/,
      /api\.pdb\.minAvailable/,
      /config\.requireKeys.*adminApiKey\.enabled/,
      /ingest\.terminationGracePeriodSeconds/,
    ]) {
      expect(stderr).to.match(named);
    }
  });

  it("are refused: a variable for one service that must be the same in all", async () => {
    for (const [name, value] of [
      ["SEARCH_BACKEND", "search.backend"],
      ["SEARCH_INDEX", "search.index"],
      ["PARTITIONS", "config.partitions"],
      ["REDIS_KEY_PREFIX", "config.redisKeyPrefix"],
    ] as const) {
      const own = JSON.stringify([{ name, value: "other" }]);
      const stderr = await refusalOf("--set-json", `api.extraEnv=${own}`);
      expect(stderr).to.include("api.extraEnv sets").and.include(`set ${value}.`);
    }
  });

  it("are refused: KEDA without ingest, a canary without an application, and backups without a volume", async () => {
    const sets = ["worker.keda.enabled=true", "ingest.enabled=false", "canary.enabled=true", "backup.enabled=true"];
    const stderr = await refusalOfSets(sets);
    expect(stderr).to.include("set ingest.enabled to true").and.include("set canary.existingSecret");
    expect(stderr).to.include("set backup.existingClaim");
  });

  it("are refused: changes of an unknown alert, and of a number with which an alert does not compare", async () => {
    const alerts = "monitoring.prometheusRule.alerts";
    const stderr = await refusalOf(
      "--set",
      `${alerts}.ConfabTargetDwon.enabled=false,${alerts}.ConfabOldestPendingTooOld.thresholds.6=5`,
    );
    expect(stderr).to.include(`${alerts} has ConfabTargetDwon`);
    expect(stderr).to.include(`${alerts}.ConfabOldestPendingTooOld.thresholds replaces 6, but`);
  });

  it("are refused: disruption budgets that allow no eviction", async () => {
    const sets = ["api.pdb.maxUnavailable=0", "ingest.pdb.maxUnavailable=0%", "worker.pdb.minAvailable=100%"];
    const stderr = await refusalOfSets(sets);
    for (const name of ["api.pdb.maxUnavailable", "ingest.pdb.maxUnavailable", "worker.pdb.minAvailable"])
      expect(stderr).to.include(`${name} is`);
  });

  it("are refused: Sentinels and another Redis, and replicas for the bundled Redis", async () => {
    const sets = ["externalRedis.sentinels.hosts={a}", "externalRedis.hosts={b}", "externalRedis.cluster=true"];
    const stderr = await refusalOfSets([...sets, "config.redisMinReplicas=1"]);
    for (const sentence of [
      "redis.enabled and externalRedis.sentinels.hosts are both set",
      "externalRedis.hosts and externalRedis.sentinels.hosts are both set",
      "externalRedis.cluster and externalRedis.sentinels.hosts are both set",
      "config.redisMinReplicas is 1",
    ])
      expect(stderr).to.include(sentence);
  });

  it("are refused: a password in the values and an existing Secret", async () => {
    expect(await refusalOf("--set", "redis.auth.password=a-password,redis.auth.existingSecret=mine")).to.include(
      "redis.auth",
    );
  });
});
