import { partitionPrefix } from "@confab/redis";
import { eventually } from "@confab/testkit";
import { diskFaults } from "./disk.ts";
import { redisFaults } from "./redis.ts";
import { onRedis } from "./redis-command.ts";
import { replacedFaults } from "./replaced.ts";
import { senderFaults } from "./senders.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import { environmentOf, type SourceMutant } from "../world/source-mutant.ts";
import type { InvariantName } from "../verify/invariants.ts";
import type { ServiceName } from "../world/process.ts";

/** A system that breaks promises on purpose: its run must violate these invariants. */
export interface Control {
  readonly fault: Fault;
  readonly reddens: readonly InvariantName[];
  /** Also runs as an ordinary test. */
  readonly inTests: boolean;
}

/** Negative controls: they show that the verifier finds violations. */
export const controls: readonly Control[] = [
  {
    reddens: ["I1"],
    inTests: true,
    fault: {
      name: "control-redis-without-file",
      title: "Redis stores nothing on disk and is killed while MySQL is unavailable",
      redisArgs: ["--appendonly", "no"],
      expectations: { ...usual, staleReads: true },
      async run(scene) {
        const { world, accepted, during } = scene;
        const links = world.links("worker", "mysql");
        await during("SIGKILL of a Redis without append-only file", async () => {
          await Promise.all(links.map((link) => link.cut()));
          await accepted(40);
          await world.redis.kill();
          await world.redis.start();
          await Promise.all(links.map((link) => link.restore()));
        });
      },
    },
  },
  tampering("row-deleted", "Someone deletes a stored message", ["I1", "I3", "I5"], ({ world }) =>
    world.sql("DELETE FROM messages WHERE number = 2 LIMIT 1"),
  ),
  tampering("row-copied", "Someone stores a message a second time", ["I2", "I5"], ({ world }) =>
    world.sql(
      `INSERT INTO messages (chat_id, number, uid, version, body, created_at, updated_at)
       SELECT chat_id, number + 100000, uid, version, body, created_at, updated_at FROM messages WHERE number = 2 LIMIT 1`,
    ),
  ),
  tampering("row-moved", "Someone moves a message into another application's chat", ["I1", "I9"], ({ world }) =>
    world.sql(
      `UPDATE messages SET number = 900000, chat_id = (SELECT MAX(id) FROM chats)
       WHERE number = 2 AND chat_id = (SELECT MIN(id) FROM chats)`,
    ),
  ),
  tampering("count-changed", "Someone changes a count", ["I5"], ({ world }) =>
    world.sql("UPDATE chats SET messages_count = messages_count + 1 LIMIT 1"),
  ),
  tampering("document-deleted", "Someone deletes a message from the index", ["I8"], async ({ world }) => {
    if (world.index === undefined) throw new Error("this control needs Elasticsearch");
    const { url, alias } = world.index;
    const answer = await fetch(`${url}/${alias}/_search?q=number:2&size=1`);
    const { hits } = (await answer.json()) as {
      hits: { hits: { _index: string; _id: string; _routing: string }[] };
    };
    const { _index: index, _id: id, _routing: routing } = hits.hits[0]!;
    await fetch(`${url}/${index}/_doc/${id}?routing=${routing}&refresh=true`, { method: "DELETE" });
  }),
  tampering("edit-changed", "Someone changes the text of an edited message", ["I17"], ({ world }) =>
    world.sql("UPDATE messages SET body = CONCAT(body, ' changed') WHERE version > 1 AND deleted_at IS NULL LIMIT 1"),
  ),
  tampering("remains-planted", "Someone keeps a row, a head and a document of a deleted chat", ["I23"], plantRemains),
  mutated("changes-forgotten", "The chat does not know the number of an edit", ["I19"], "api", {
    file: "packages/database/src/message-changes.ts",
    from: "UPDATE chats SET last_change_number = ${changeNumber} WHERE",
    to: "UPDATE chats SET last_change_number = ${changeNumber} - 1 WHERE",
  }),
  mutated("versions-kept", "A deletion keeps the earlier versions of a message", ["I18"], "api", {
    file: "packages/database/src/remove-messages.ts",
    from: "await noteRemovedHistories(tx, chatId, edited);",
    to: "",
  }),
  mutated("events-skipped", "A stream skips one message in fifty", ["I21", "I22"], "api", {
    file: "services/api/src/stream/pages.ts",
    from: "for (const item of items) {",
    to: "for (const item of items.filter(() => Math.random() > 0.02)) {",
  }),
  mutated("counts-forgotten", "A worker stores messages and does not count them", ["I5"], "worker", {
    file: "packages/database/src/write-batches.ts",
    from: "await addToChats(tx, stored);",
    to: "",
  }),
  mutated(
    "index-forgotten",
    "A worker stores messages and does not add them to the search outbox",
    ["I8", "I12"],
    "worker",
    {
      file: "packages/database/src/write-batches.ts",
      from: "await addToOutbox(tx, stored, now);",
      to: "",
    },
  ),
  mutated(
    "filter-forgotten",
    "Neither the index nor the database limits a search to its chat",
    ["I9"],
    "api",
    {
      file: "packages/search/src/filters.ts",
      from: "{ term: { chat_id: chatId.toString() } }, ",
      to: "",
    },
    {
      file: "services/api/src/searching/search-messages.ts",
      from: "await onlyCurrent(options, keyed)",
      to: "keyed.map((hit) => ({ ...hit, deletedAt: null }))",
    },
  ),
  mutated("pending-forgotten", "The api does not show pending messages", ["I15"], "api", {
    file: "services/api/src/reading/read-messages.ts",
    from: "if (record) return fromRecord(number, record);",
    to: "",
  }),
  mutated("loop-blocked", "One get in twenty uses the processor for 0.7 s", ["I14"], "api", {
    file: "services/api/src/reading/read-messages.ts",
    from: "if (record) return fromRecord(number, record);",
    to: "if (Math.random() < 0.05) for (const { user } = process.cpuUsage(); process.cpuUsage().user - user < 700_000; );",
  }),
  mutated("keys-forgotten", "Ingest ignores idempotency keys", ["I2"], "ingest", {
    file: "packages/pending/src/accept/idempotency.lua",
    from: "if seen then return seen end",
    to: "",
  }),
  mutated("resends-forgotten", "A batch that is sent again is accepted as a new one", ["I3"], "ingest", {
    file: "packages/pending/src/accept/messages.lua",
    from: "if known then return replyWith(known) end",
    to: "",
  }),
  weakened("api-without-redis", "the deletion of a chat is answered before Redis has its mark", ["I23"], redisFaults, {
    api: {
      file: "services/api/src/changing/erase.ts",
      from: "await mark(pendingErasure.block(token, chat), recorded);",
      to: "void mark(pendingErasure.block(token, chat), recorded).catch(() => undefined);",
    },
    worker: {
      file: "services/worker/src/schedules/erase.ts",
      from: "if (epoch === null) await pendingErasure.block(token, chatNumber ?? undefined);",
      to: "if (epoch === null) await Promise.resolve();",
    },
  }),
  weakened("senders-erased", "clocks decide what is older than a request", ["I25"], senderFaults, {
    worker: {
      file: "packages/database/src/sender-erasure.ts",
      from: "(epoch IS NULL OR epoch < ?) ORDER BY chat_id",
      to: `created_at <= (SELECT MAX(e.requested_at) FROM erasures AS e WHERE e.sender = messages.sender AND e.epoch = ?)
           ORDER BY chat_id`,
    },
  }),
  weakened("subscribers-silent", "a subscriber never asks whether Redis still answers", ["I24"], redisFaults, {
    api: {
      file: "packages/redis/src/subscriber-heartbeat.ts",
      from: 'if (subscriber.status !== "ready") return;',
      to: "return;",
    },
  }),
  weakened("replaced-without-redis", "ingest opens each connection to Redis only once", ["I12"], replacedFaults, {
    ingest: {
      file: "packages/redis/src/connections.ts",
      from: "return new Redis({ ...options, ...strategy, ...sentinels, ...server });",
      to: `const redis = new Redis({ ...options, ...strategy, ...sentinels, ...server });
           redis.once("ready", () => redis.once("close", () => redis.disconnect()));
           return redis;`,
    },
  }),
  weakened("replaced-without-mysql", "workers take a batch that MySQL did not store for done", ["I1"], replacedFaults, {
    worker: {
      file: "services/worker/src/handlers/store-batches.ts",
      from: "if (!shouldWait(error) || abandoned.signal.aborted) throw error;",
      to: "return void (await backlog.complete({ ids: own }));",
    },
  }),
  weakened(
    "replaced-without-elasticsearch",
    "workers take messages that Elasticsearch did not index for done",
    ["I8"],
    replacedFaults,
    {
      worker: {
        file: "services/worker/src/handlers/index-messages.ts",
        from: "await search.index(documents, { readAgain: (keys) => messages.states(keys) });",
        to: "await search.index(documents).catch(() => ({ indexed: documents.length, rejected: [] }));",
      },
    },
  ),
  weakened(
    "redis-disk-full",
    "Redis answers before its file has the write",
    ["I1"],
    diskFaults,
    {},
    {
      redisArgs: ["--appendfsync", "everysec"],
      pace: { fillerBytes: 8_000 },
      run: fillThrice,
    },
  ),
];

/** Only the first write that fails is lost. Most writes are messages while workers write nothing, so one of three is one. */
async function fillThrice(scene: Scene): Promise<void> {
  const { run } = diskFaults.find(({ name }) => name === "redis-disk-full")!;
  const links = scene.world.links("worker", "redis");
  for (const link of links) link.pause();
  for (let round = 0; round < 3; round += 1) await run(scene);
  for (const link of links) link.resume();
}

async function plantRemains({ world }: Scene): Promise<void> {
  const { id, token, chat } = world.doomed!;
  await eventually(
    async () => {
      const finished = await world.sql("SELECT 1 FROM erasures WHERE finished_at IS NOT NULL");
      if (finished.length === 0) throw new Error("the chat is not erased");
    },
    { timeoutMs: 60_000, intervalMs: 200 },
  );
  await world.sql(
    `INSERT INTO messages (chat_id, number, uid, version, body, created_at, updated_at)
     SELECT ${id}, 1, uid, version, body, created_at, updated_at FROM messages LIMIT 1`,
  );
  await onRedis(world.redis.url, (redis) =>
    redis.set(`${partitionPrefix(world.keyPrefix, 0)}:head:${token}:${chat}`, `${id} 1`),
  );
  if (world.index === undefined) return;
  const { url, alias } = world.index;
  const answer = await fetch(`${url}/${alias}/_search?size=1`);
  const { hits } = (await answer.json()) as { hits: { hits: { _index: string; _source: object }[] } };
  const { _index: index, _source: source } = hits.hits[0]!;
  await fetch(`${url}/${index}/_doc/planted?routing=${id}&refresh=true`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...source, chat_id: String(id) }),
  });
}

/** Redis answers too late, then connections are reset: clients and the driver send everything again. */
async function repeatEverything({ world, during, pause }: Scene): Promise<void> {
  const links = world.links("ingest", "redis");
  await during("answers of Redis late, then lost", async () => {
    for (const link of links) link.pause("answers");
    await pause(1_500);
    for (const link of links) link.resume();
    await pause(500);
    const { canary } = world.applications[0]!;
    const lost = links.map((link) => link.intercept(canary, "reset-after", { times: 5 }));
    await pause(3_000);
    for (const interception of lost) interception.end();
  });
}

function mutated(
  name: string,
  title: string,
  reddens: readonly InvariantName[],
  service: ServiceName,
  ...mutants: readonly SourceMutant[]
): Control {
  return {
    reddens,
    inTests: false,
    fault: {
      name: `control-${name}`,
      title,
      env: { [service]: environmentOf(mutants) },
      expectations: { ...usual, staleReads: true },
      run: repeatEverything,
    },
  };
}

/**
 * Returns a fault that the system survives, without the guard by which it does: mutated services, or other settings.
 */
function weakened(
  name: string,
  guard: string,
  reddens: readonly InvariantName[],
  faults: readonly Fault[],
  mutants: Partial<Record<ServiceName, SourceMutant>>,
  settings: Partial<Pick<Fault, "redisArgs" | "pace" | "run">> = {},
): Control {
  const fault = faults.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`there is no fault named ${name}`);
  const environments = Object.entries(mutants).map(([service, mutant]) => [
    service,
    { ...fault.env?.[service as ServiceName], ...environmentOf([mutant]) },
  ]);
  return {
    reddens,
    inTests: false,
    fault: {
      ...fault,
      ...settings,
      name: `control-${name}`,
      title: `${fault.title}, and ${guard}`,
      env: { ...fault.env, ...(Object.fromEntries(environments) as Fault["env"]) },
    },
  };
}

function tampering(
  name: string,
  title: string,
  reddens: readonly InvariantName[],
  harm: (scene: Scene) => Promise<unknown>,
): Control {
  return {
    reddens,
    inTests: false,
    fault: {
      name: `control-${name}`,
      title,
      expectations: usual,
      async run(scene) {
        // Enough time for the messages to be stored and indexed.
        await scene.pause(4_000);
        await scene.during(title, async () => {
          await harm(scene);
        });
      },
    },
  };
}
