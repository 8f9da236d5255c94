/** The architecture, as rules. Each says in its comment why it holds. */
const services = "^services/([^/]+)/";
/** The folders of the services that decide what happens. */
const core = "^services/[^/]+/src/(use-cases|handlers|schedules|reading|searching|changing|stream)/";
/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      comment: "A cycle is two modules that are one.",
      from: {},
      to: { circular: true },
    },
    {
      name: "pure-packages",
      severity: "error",
      comment:
        "Everything depends on async, contracts, config and runtime. They import no package of ours, except runtime, which uses the async kit.",
      from: { path: "^packages/(async|contracts|config|runtime)/src" },
      to: { path: "^(packages|services|k8s-dev)/", pathNot: ["^packages/($1|async)/"] },
    },
    {
      name: "metrics-are-a-table",
      severity: "error",
      comment:
        "The metric catalogue takes label values from contracts. It stays out of contracts, which client authors read.",
      from: { path: "^packages/metrics/src" },
      to: { path: "^(packages|services|k8s-dev)/", pathNot: ["^packages/(metrics|contracts)/"] },
    },
    {
      name: "http-edge",
      severity: "error",
      comment:
        "The HTTP edge knows contracts, access control, the metric catalogue and the process kit. Of the stores it knows Redis, for the limits that all processes share.",
      from: { path: "^packages/http/src" },
      to: {
        path: "^(packages|services)/",
        pathNot: ["^packages/(http|access|async|contracts|metrics|redis|runtime)/"],
      },
    },
    {
      name: "access-apart",
      severity: "error",
      comment:
        "Access control can be used by any edge. It receives the store of its keys; tickets and changes of keys go through Redis.",
      from: { path: "^packages/access/src", pathNot: "[.]test[.]ts$" },
      to: { path: "^(packages|services)/", pathNot: ["^packages/(access|async|contracts|redis|runtime)/"] },
    },
    {
      name: "stores-apart",
      severity: "error",
      comment: "Stores meet in a service, never in each other: each can be replaced alone.",
      from: { path: "^packages/(database|pending|queue|redis|search)/src", pathNot: "[.]test[.]ts$" },
      to: {
        path: "^(packages|services)/",
        pathNot: ["^packages/($1|async|contracts|metrics|runtime)/", "^packages/redis/"],
      },
    },
    {
      name: "redis-below-its-users",
      severity: "error",
      comment: "MySQL and the search index have no part in Redis.",
      from: { path: "^packages/(database|search)/src", pathNot: "[.]test[.]ts$" },
      to: { path: "^packages/redis/" },
    },
    {
      name: "services-apart",
      severity: "error",
      comment: "Services talk through Redis, MySQL and HTTP.",
      from: { path: services },
      to: { path: "^services/", pathNot: "^services/$1/" },
    },
    {
      name: "packages-below-services",
      severity: "error",
      comment: "Packages are used by services and the command line, not the other way round.",
      from: { path: "^packages/(?!cli/)" },
      to: { path: "^(services|packages/cli)/" },
    },
    {
      name: "configuration-at-the-edge",
      severity: "error",
      comment: "Packages get settings as options; only services, confabctl and tests know that variables exist.",
      from: { path: "^packages/(?!cli/|config/)[^/]+/src" },
      to: { path: "^packages/config/" },
    },
    {
      name: "core-knows-no-library",
      severity: "error",
      comment: "The core of a service says what happens; clients are handed to it.",
      from: { path: core, pathNot: "[.]test[.]ts$" },
      to: { path: "node_modules/(express|bullmq|ioredis|@prisma|@elastic)/" },
    },
    {
      name: "adapters-as-types",
      severity: "error",
      comment: "The core of a service may name an adapter's types only. Schedules are put together in one file.",
      from: { path: core, pathNot: ["[.]test[.]ts$", "/start-schedules[.]ts$"] },
      to: { path: "^packages/(?!async/|contracts/|metrics/|runtime/)", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "reading-below",
      severity: "error",
      comment: "Streams, searches and changes read messages; reading knows nothing of them.",
      from: { path: "^services/api/src/reading/" },
      to: { path: "^services/api/src/(routes|searching|changing|stream)/" },
    },
    {
      name: "routes-on-top",
      severity: "error",
      comment: "Routes know HTTP and call the core, not the other way round.",
      from: { path: core, pathNot: "[.]test[.]ts$" },
      to: { path: "^services/[^/]+/src/routes/" },
    },
    {
      name: "not-in-production",
      severity: "error",
      comment: "Nothing that runs in production leans on the test kit or the local runner, which are not in the image.",
      from: { path: "^(packages|services)/", pathNot: ["^packages/(testkit|local)/", "/test/", "[.]test[.]ts$"] },
      to: { path: "^packages/(testkit|local)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|coverage|generated)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@confab/source", "import", "node", "default", "types"],
      extensions: [".ts", ".js", ".json"],
    },
  },
};
