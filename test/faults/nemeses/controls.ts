import { usual, type Fault, type Scene } from "../scene.ts";
import type { InvariantName } from "../verify/invariants.ts";

/** A system that really breaks promises: its run must be invalid, in these invariants. */
export interface Control {
  readonly fault: Fault;
  readonly reddens: readonly InvariantName[];
  /** Also an ordinary test. */
  readonly inTests: boolean;
}

/** Negative controls: what the verifier is worth is what it finds here. */
export const controls: readonly Control[] = [
  {
    reddens: ["I1"],
    inTests: true,
    fault: {
      name: "control-redis-without-file",
      title: "Redis keeps nothing on disk and is killed while MySQL is unavailable",
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
  tampering("row-deleted", "Somebody deletes a stored message", ["I1", "I3", "I5", "I16"], ({ world }) =>
    world.sql("DELETE FROM messages WHERE number = 2 LIMIT 1"),
  ),
  tampering("row-copied", "Somebody stores a message a second time", ["I2", "I5"], ({ world }) =>
    world.sql(
      `INSERT INTO messages (chat_id, number, uid, version, body, created_at, updated_at)
       SELECT chat_id, number + 100000, uid, version, body, created_at, updated_at FROM messages WHERE number = 2 LIMIT 1`,
    ),
  ),
  tampering("row-moved", "Somebody moves a message into another application's chat", ["I1", "I9"], ({ world }) =>
    world.sql(
      `UPDATE messages SET number = 900000, chat_id = (SELECT MAX(id) FROM chats)
       WHERE number = 2 AND chat_id = (SELECT MIN(id) FROM chats)`,
    ),
  ),
  tampering("count-changed", "Somebody changes a count", ["I5"], ({ world }) =>
    world.sql("UPDATE chats SET messages_count = messages_count + 1 LIMIT 1"),
  ),
  tampering("document-deleted", "Somebody deletes a message from the index", ["I8"], async ({ world }) => {
    if (world.index === undefined) throw new Error("this control needs Elasticsearch");
    const { url, alias } = world.index;
    await fetch(`${url}/${alias}/_delete_by_query?refresh=true&conflicts=proceed`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: { term: { number: 2 } } }),
    });
  }),
];

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
        // Stored and indexed before it is touched.
        await scene.pause(4_000);
        await scene.during(title, async () => {
          await harm(scene);
        });
      },
    },
  };
}
