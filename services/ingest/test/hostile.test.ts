import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import {
  eventually,
  startRedis,
  startService,
  uniquePrefix,
  useForAll,
  type ServerHandle,
  type ServiceHandle,
} from "@confab/testkit";
import { expect } from "chai";
import { openWorld } from "./start.ts";

const mebibyte = 1024 * 1024;
/** Body size just below the limit of the route. */
const full = 8 * mebibyte - 64;
const json = "application/json";
/**
 * Maximum CPU time of a turn in milliseconds. The limits keep it below 60; without them, some bodies took 200 to 3,600
 * ms.
 */
const longestTurnMs = 120;
const ndjson = "application/x-ndjson";

describe("the ingest process with the chart's limits and hostile bodies", () => {
  let folder: string;
  let redis: ServerHandle;
  let turns: string;
  let service: ServiceHandle;
  const world = useForAll(openWorld);
  const chat = useForAll(() => world.newChat());
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-hostile-"));
    redis = await startRedis({ dir: folder });
    turns = join(folder, "turns");
    service = await startService("ingest", {
      DATABASE_URL: world.url,
      REDIS_URL: redis.url,
      REDIS_KEY_PREFIX: uniquePrefix("hostile"),
      NODE_OPTIONS: `--max-old-space-size=384 --import ${join(import.meta.dirname, "fixtures/measure-turns.ts")}`,
      TURNS_FILE: turns,
    });
  });
  after(async () => {
    await service.stop();
    await redis.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** Sends a POST request on a new connection. Returns the status, or 0 if the connection broke without an answer. */
  async function post(path: string, body: Buffer, type: string): Promise<number> {
    const agent = new Agent();
    try {
      return await new Promise<number>((resolve) => {
        const sent = request(`${service.url}${path}`, { method: "POST", agent, headers: { "content-type": type } });
        sent.on("error", () => {
          resolve(0);
        });
        sent.on("response", (response) => {
          text(response).then(
            () => {
              resolve(response.statusCode ?? 0);
            },
            () => {
              resolve(0);
            },
          );
        });
        sent.setHeader("Content-Length", body.length);
        sent.end(body);
      });
    } finally {
      agent.destroy();
    }
  }

  const itemOf = (body: string, token = chat.token): string =>
    JSON.stringify({ application_token: token, chat_number: chat.number, body });
  const valid = (): Buffer => {
    const items = Array.from({ length: 127 }, () => itemOf("x".repeat(65_535)));
    return Buffer.from(`{"messages":[${items.join(",")}]}`);
  };
  const strangers = (): Buffer => {
    const items = Array.from({ length: 1000 }, () => itemOf("x".repeat(8_000), randomUUID()));
    return Buffer.from(`{"messages":[${items.join(",")}]}`);
  };

  /** Returns a thousand messages, each with 4 KiB of metadata that would take 90 KB of memory as a tree. */
  const described = (token?: string): Buffer => {
    const metadata = `{"a":[${"{},".repeat(1_359)}{}]}`;
    const items = Array.from({ length: 1000 }, () =>
      itemOf("x", token ?? randomUUID()).replace("}", `,"metadata":${metadata}}`),
    );
    return Buffer.from(`{"messages":[${items.join(",")}]}`);
  };

  const half = full / 2;
  /** Possible statuses when many requests arrive at once: some requests are refused before their work begins. */
  const many = [200, 429, 503];
  /** Outcome for a client that keeps sending for seconds after the refusal: its connection is closed. */
  const cut = 0;
  const cases: [name: string, body: () => Buffer, type: string, times: number, answers: number[]][] = [
    ["brackets nested in an item", () => nested('{"messages":[', half - 10, "]}"), json, 1, [200]],
    ["brackets nested in an item, four at once", () => nested('{"messages":[', half - 10, "]}"), json, 4, many],
    ["nested brackets", () => nested("", half, ""), json, 1, [413]],
    ["millions of empty objects", () => repeat('{"messages":[{}', ",{}", "]}"), json, 1, [413]],
    ["millions of ones", () => repeat('{"messages":[1', ",1", "]}"), json, 1, [413]],
    ["millions of lines", () => repeat("", "a\n", ""), ndjson, 1, [413]],
    ["millions of empty lines", () => repeat("", "\n", ""), ndjson, 1, [422]],
    ["millions of empty lines, forty at once", () => repeat("", "\n", ""), ndjson, 40, [422, 429, 503, cut]],
    ["a thousand broken strings", () => Buffer.from(`"${"\\q".repeat(4_180)}\n`.repeat(1000)), ndjson, 1, [200]],
    ["a key that never ends", () => repeat('{"', "k", ""), json, 1, [413]],
    ["an item of escapes", () => repeat('{"messages":["', "\\u0001", '"]}'), json, 1, [200]],
    [
      "items full of empty objects",
      () => Buffer.from(`[${"{},".repeat(2_780)}{}]\n`.repeat(1000)),
      ndjson,
      4,
      [413, 429, 503],
    ],
    ["blanks among the messages", () => repeat('{"messages":[', " ", "]}"), json, 4, many],
    ["a valid batch", valid, json, 1, [200]],
    ["valid batches, twenty at once", valid, json, 20, [...many, cut]],
    ["batches of made-up tokens, eight at once", strangers, json, 8, many],
    ["batches of crowded metadata, six at once", () => described(chat.token), json, 6, many],
    ["batches of crowded metadata for made-up tokens, six at once", () => described(), json, 6, many],
    ["single messages of many values, forty at once", () => Buffer.from(crowded(itemOf("x"))), json, 40, [422, 503]],
  ];
  for (const [name, make, type, times, allowed] of cases) {
    it(`survives ${name}, and delays no other request`, async () => {
      const body = make();
      const path = name.startsWith("single") ? "/messages" : "/messages/batch";
      await writeFile(turns, "");
      const answers = await Promise.all(Array.from({ length: times }, () => post(path, body, type)));
      await pause(30);
      expect(allowed).to.include.members([...new Set(answers)]);
      const longest = Math.max(0, ...(await readFile(turns, "utf8")).split("\n").map(Number));
      expect(longest, "the longest turn of the event loop in ms").to.be.below(longestTurnMs);
      expect(await peakMemory(service)).to.be.below(512 * mebibyte);
      expect(await post("/messages", Buffer.from(itemOf("still here")), json)).to.equal(201);
    });
  }

  it("accepts messages and batches while large bodies arrive slowly or stay incomplete", async () => {
    const stalled = Array.from({ length: 6 }, () => {
      const headers = { "content-type": json, "content-length": full };
      const sent = request(`${service.url}/messages/batch`, { method: "POST", agent: false, headers });
      sent.on("error", () => undefined);
      sent.write(repeat('{"messages":[', " ", "").subarray(0, 6 * mebibyte));
      return sent;
    });
    const small = Buffer.from(`{"messages":[${itemOf("x".repeat(10_000))}]}`);
    const medium = Buffer.from(`{"messages":[${itemOf("x".repeat(65_535))},${itemOf("x".repeat(65_535))}]}`);
    await pause(500);
    for (let round = 0; round < 10; round += 1) expect(await post("/messages/batch", small, json)).to.equal(200);
    await eventually(async () => expect(await post("/messages/batch", medium, json)).to.equal(200));
    for (const sent of stalled) sent.destroy();
  });
});

function nested(before: string, depth: number, after: string): Buffer {
  return Buffer.concat([Buffer.from(before), Buffer.alloc(depth, "["), Buffer.alloc(depth, "]"), Buffer.from(after)]);
}

function repeat(before: string, part: string, after: string): Buffer {
  const times = Math.floor((full - before.length - after.length) / part.length);
  return Buffer.concat([Buffer.from(before), Buffer.alloc(times * part.length, part), Buffer.from(after)]);
}

/** Returns the same message with as many additional values as fit. */
function crowded(item: string): string {
  return item.replace("{", `{"a":[${"{},".repeat(170_000)}{}],`);
}

/** Returns the peak resident memory of the process so far, in bytes. */
async function peakMemory({ pid }: ServiceHandle): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
}
