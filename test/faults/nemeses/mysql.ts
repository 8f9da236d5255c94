import { createConnection } from "mariadb";
import { createClient } from "../load/client.ts";
import { createHttp } from "../load/http.ts";
import { usual, type Fault, type Scene } from "../scene.ts";
import { loginOf } from "../world/stores.ts";
import type { ServiceName } from "../world/process.ts";

const services = ["ingest", "api", "worker"] as const satisfies readonly ServiceName[];
const toMysql = ({ world }: Scene, ...of: readonly ServiceName[]) =>
  of.flatMap((service) => world.links(service, "mysql"));

/** Faults in which MySQL, or the connection to it, dies, refuses or is slow. */
export const mysqlFaults: readonly Fault[] = [
  {
    name: "commit-answer-lost",
    title: "MySQL commits, but its answer is lost",
    expectations: usual,
    async run(scene) {
      await scene.during("answers to COMMIT lost", async () => {
        const lost = toMysql(scene, "worker").map((link) => link.intercept("COMMIT", "reset-after", { times: 5 }));
        await Promise.race([Promise.all(lost.map(({ happened }) => happened)), scene.pause(5_000)]);
        await scene.pause(2_500);
        for (const interception of lost) interception.end();
      });
    },
  },
  {
    name: "mysql-restarted",
    title: "MySQL is killed and restarted",
    expectations: { ...usual, bites: ["list"] },
    async run({ world, random, during, pause }) {
      await during("SIGKILL of MySQL", async () => {
        await pause(random.between(0, 300));
        await world.mysql!.kill();
        await pause(random.between(100, 2_000));
        await world.mysql!.start();
      });
    },
  },
  {
    name: "mysql-read-only",
    title: "MySQL turns read-only for six seconds",
    expectations: usual,
    async run({ world, during, pause }) {
      await during("read_only=1", async () => {
        await world.sql("SET GLOBAL read_only = 1");
        await pause(6_000);
        await world.sql("SET GLOBAL read_only = 0");
      });
    },
  },
  {
    name: "mysql-slow",
    title: "For six seconds every packet to and from MySQL takes a quarter of a second longer",
    // A page takes several statements, each of which takes half a second longer.
    expectations: { ...usual, recoverWithinMs: 8_000, answerWithinMs: 8_000 },
    async run(scene) {
      const links = toMysql(scene, ...services);
      await scene.during("MySQL slow", async () => {
        for (const link of links) link.delay(250);
        await scene.pause(6_000);
        for (const link of links) link.delay(0);
      });
    },
  },
  {
    name: "deadlock-storm",
    title: "Another client keeps locking the busy chats in the opposite order",
    expectations: usual,
    async run({ world, random, during }) {
      const connection = await createConnection({ ...loginOf(world.databaseAdminUrl), allowPublicKeyRetrieval: true });
      await during("locks in the opposite order", async () => {
        const until = performance.now() + 6_000;
        while (performance.now() < until) {
          await connection.beginTransaction();
          try {
            const chats = await connection.query<{ id: bigint }[]>("SELECT id FROM chats ORDER BY id DESC");
            for (const { id } of chats) {
              await connection.query("UPDATE chats SET updated_at = updated_at WHERE id = ?", [id]);
              await connection.query("SELECT MAX(number) FROM messages WHERE chat_id = ? FOR UPDATE", [id]);
              await connection.query(`DO SLEEP(${random.between(0, 60) / 1000})`);
            }
            await connection.commit();
          } catch {
            await connection.rollback();
          }
        }
      });
      await connection.end();
    },
  },
  {
    name: "unknown-chats",
    title: "Clients send to chats that Redis does not know while MySQL is unavailable to ingest",
    expectations: { ...usual, bites: ["send"] },
    async run(scene) {
      const { world, recorder } = scene;
      const http = createHttp(() => recorder.now());
      const client = createClient("stranger", http, recorder);
      const [api, application] = [world.of("api")[0]!, world.applications[0]!];
      const chats: number[] = [];
      for (let at = 0; at < 60; at += 1) {
        const { number } = await client.create(api, application, `unknown-${at}`);
        if (number !== undefined) chats.push(number);
      }
      const links = toMysql(scene, "ingest");
      await scene.during("MySQL unavailable to ingest", async () => {
        await Promise.all(links.map((link) => link.cut()));
        for (const attempt of [1, 2]) {
          await Promise.all(
            chats.map((chat, at) => {
              const uid = `${application.label}.${chat}.stranger.${String(at).padStart(5, "0")}`;
              const letter = { application, chat, uid, body: `${uid} ${application.canary}`, key: uid };
              return client.send(world.of("ingest")[at % 2]!, letter, attempt);
            }),
          );
        }
        await Promise.all(links.map((link) => link.restore()));
      });
      http.close();
    },
  },
  {
    name: "chats-while-mysql-is-silent",
    title: "Chats are created while MySQL receives requests and does not answer",
    expectations: { ...usual, bites: ["create"] },
    async run(scene) {
      const links = toMysql(scene, "api");
      await scene.during("MySQL silent", async () => {
        for (const link of links) link.pause("answers");
        await createChats(scene, "silent");
        await scene.pause(1_000);
        for (const link of links) link.resume();
      });
    },
  },
  {
    name: "chats-while-locked",
    title: "Chats are created while another client holds a lock on their application",
    expectations: { ...usual, bites: ["create"] },
    async run(scene) {
      const connection = await createConnection({
        ...loginOf(scene.world.databaseAdminUrl),
        allowPublicKeyRetrieval: true,
      });
      await scene.during("the application's row locked", async () => {
        await connection.beginTransaction();
        await connection.query("SELECT id FROM applications FOR UPDATE");
        await createChats(scene, "locked");
        await connection.rollback();
        // After this pause, a refused request that is nevertheless executed has had its effect.
        await scene.pause(2_000);
      });
      await connection.end();
    },
  },
];

/** Creates thirty chats at once, every third of them with an idempotency key. */
async function createChats({ world, recorder }: Scene, label: string): Promise<void> {
  const http = createHttp(() => recorder.now());
  const client = createClient("founder", http, recorder);
  const [api, application] = [world.of("api")[0]!, world.applications[1]!];
  await Promise.all(
    Array.from({ length: 30 }, (_, at) =>
      client.create(api, application, `${label}-${at}`, at % 3 === 0 ? `${label}-${at}` : undefined),
    ),
  );
  http.close();
}
