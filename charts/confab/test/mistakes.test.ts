import { expect } from "chai";
import { template } from "./src/helm.ts";

/** Wrong values, and where the message must say that the mistake is. */
const planted: readonly (readonly [mistake: string, arg: string, where: RegExp])[] = [
  ["an unknown section", "ingres.enabled=true", /ingres\b/],
  ["a mistyped name inside a section", "ingest.replica=3", /ingest\b.*\breplica\b/],
  ["a mistyped name deep down", "mysql.persistence.sise=10Gi", /mysql[./]persistence\b.*\bsise\b/],
  ["a text for a number", "ingest.service.port=http", /ingest[./]service[./]port\b/],
  ["a text for a switch", "networkPolicy.enabled=maybe", /networkPolicy[./]enabled\b/],
  ["a word that is no choice", "search.backend=solr", /search[./]backend\b/],
  ["a negative number", "worker.replicas=-1", /worker[./]replicas\b/],
  ["a key prefix that Redis keys can't have", "config.redisKeyPrefix=a b", /config[./]redisKeyPrefix\b/],
  ["a list for a text", "image.tag={1,2}", /image[./]tag\b/],
  [
    "more than the whole of Redis' memory",
    "ingest.limits.redisMemoryLimitRatio=7",
    /ingest[./]limits[./]redisMemoryLimitRatio\b/,
  ],
  ["a schedule that is none", "backup.schedule=daily", /backup[./]schedule\b/],
  [
    "a change of an alert that does not exist",
    "monitoring.prometheusRule.alerts.X.after=5m",
    /alerts[./]X\b.*\bafter\b/,
  ],
  ["a duration that is none", "worker.store.sweepInterval=soon", /worker[./]store[./]sweepInterval\b/],
];

describe("a wrong value", () => {
  for (const [mistake, arg, where] of planted) {
    it(`fails with its place: ${mistake}`, async () => {
      const { code, stderr } = await template(["--set", arg]);
      expect(code).to.not.equal(0);
      expect(stderr).to.include("values don't meet the specifications of the schema").and.to.match(where);
    });
  }
});

describe("values that don't go together", () => {
  it("are all told at once, each in a sentence", async () => {
    const { code, stderr } = await template(
      [
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
      ].flatMap((set) => ["--set", set]),
    );
    expect(code).to.not.equal(0);
    for (const named of [
      /worker\.keda\.enabled.*worker\.autoscaling\.enabled|worker\.autoscaling\.enabled.*worker\.keda\.enabled/,
      /externalMysql\.host/,
      /externalRedis\.hosts/,
      /externalElasticsearch\.hosts/,
      /httpRoute\.parentRefs/,
      /api\.pdb\.minAvailable/,
      /ingest\.terminationGracePeriodSeconds/,
    ]) {
      expect(stderr).to.match(named);
    }
  });

  it("are told: a variable of one service that must be the same in all", async () => {
    for (const [name, value] of [
      ["SEARCH_BACKEND", "search.backend"],
      ["SEARCH_INDEX", "search.index"],
      ["PARTITIONS", "config.partitions"],
      ["REDIS_KEY_PREFIX", "config.redisKeyPrefix"],
    ] as const) {
      const own = JSON.stringify([{ name, value: "other" }]);
      const { code, stderr } = await template(["--set-json", `api.extraEnv=${own}`]);
      expect(code).to.not.equal(0);
      expect(stderr).to.include("api.extraEnv sets").and.include(`set ${value}.`);
    }
  });

  it("are told: KEDA without the ingest that it reads, and a canary without an application", async () => {
    const sets = ["worker.keda.enabled=true", "ingest.enabled=false", "canary.enabled=true"];
    const { code, stderr } = await template(sets.flatMap((set) => ["--set", set]));
    expect(code).to.not.equal(0);
    expect(stderr).to.include("set ingest.enabled to true").and.include("set canary.existingSecret");
  });

  it("are told: a change to an alert that does not exist, and a threshold for one without", async () => {
    const alerts = "monitoring.prometheusRule.alerts";
    const { code, stderr } = await template([
      "--set",
      `${alerts}.ConfabTargetDwon.enabled=false,${alerts}.ConfabTargetDown.threshold=5`,
    ]);
    expect(code).to.not.equal(0);
    expect(stderr).to.include(`${alerts} has ConfabTargetDwon`).and.include(`${alerts}.ConfabTargetDown.threshold`);
  });

  it("are told: budgets that would let no pod ever be evicted", async () => {
    const sets = ["api.pdb.maxUnavailable=0", "ingest.pdb.maxUnavailable=0%", "worker.pdb.minAvailable=100%"];
    const { code, stderr } = await template(sets.flatMap((set) => ["--set", set]));
    expect(code).to.not.equal(0);
    for (const name of ["api.pdb.maxUnavailable", "ingest.pdb.maxUnavailable", "worker.pdb.minAvailable"])
      expect(stderr).to.include(`${name} is`);
  });

  it("are told: Sentinels beside another Redis, and replicas that a bundled Redis does not have", async () => {
    const sets = ["externalRedis.sentinels.hosts={a}", "externalRedis.hosts={b}", "externalRedis.cluster=true"];
    const { code, stderr } = await template([...sets, "config.redisMinReplicas=1"].flatMap((set) => ["--set", set]));
    expect(code).to.not.equal(0);
    for (const told of [
      "redis.enabled and externalRedis.sentinels.hosts are both set",
      "externalRedis.hosts and externalRedis.sentinels.hosts are both set",
      "externalRedis.cluster and externalRedis.sentinels.hosts are both set",
      "config.redisMinReplicas is 1",
    ])
      expect(stderr).to.include(told);
  });

  it("are told: a password both in the values and in a Secret", async () => {
    const { code, stderr } = await template(["--set", "redis.auth.password=a-password,redis.auth.existingSecret=mine"]);
    expect(code).to.not.equal(0);
    expect(stderr).to.include("redis.auth");
  });
});
