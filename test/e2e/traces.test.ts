import { randomBytes } from "node:crypto";
import {
  eventually,
  freePort,
  hasElasticsearch,
  startService,
  testStores,
  uniquePrefix,
  useForAll,
  type ServiceHandle,
} from "@confab/testkit";
import { openDatabase } from "@confab/testkit/world";
import { expect } from "chai";
import { Redis } from "ioredis";
import { startOtlpReceiver, type ReceivedSpan } from "./otlp-receiver.ts";

const traceparent = (flags: "00" | "01") => {
  const [traceId, spanId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
  return { traceId, spanId, header: `00-${traceId}-${spanId}-${flags}` };
};

describe("traces", function () {
  this.timeout(120_000);
  let token: string;
  let env: Record<string, string>;
  let running: ServiceHandle[] = [];

  const receiver = useForAll(startOtlpReceiver);
  const world = useForAll(openDatabase);
  before(async () => {
    ({ token } = await world.newChat());
    const prefix = uniquePrefix("traces");
    env = {
      DATABASE_URL: world.url,
      REDIS_KEY_PREFIX: prefix,
      SEARCH_INDEX: prefix,
      // The wake-up, and not the sweep, must index the messages.
      SWEEP_INTERVAL: "60s",
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_TRACES_SAMPLER: "parentbased_always_off",
      TRUST_TRACEPARENT: "on",
    };
  });
  afterEach(async () => {
    await Promise.all(running.map((service) => service.stop()));
    running = [];
  });

  async function start(name: "ingest" | "api" | "worker", more: Record<string, string> = {}): Promise<ServiceHandle> {
    const service = await startService(name, { ...env, ...more });
    running.push(service);
    return service;
  }

  function send(ingest: ServiceHandle, body: string, header?: string, chat = 1): Promise<Response> {
    return fetch(`${ingest.url}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(header !== undefined && { traceparent: header }) },
      body: JSON.stringify({ application_token: token, chat_number: chat, body }),
    });
  }

  const of = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId);
  const named = (spans: ReceivedSpan[], name: string): ReceivedSpan => {
    const found = spans.find((span) => span.name === name);
    if (found === undefined) expect.fail(`no span ${name} among ${spans.map((span) => span.name).join(", ")}`);
    return found;
  };
  const stored = (messages: number) =>
    eventually(async () => expect(await world.database.prisma.message.count()).to.equal(messages));

  it("follow one message from the client's traceparent through all three services", async () => {
    const [ingest, api, worker] = await Promise.all([start("ingest"), start("api"), start("worker")]);
    // The first message loads the chat head and creates the index, so that the spans of the second one do not contain
    // this work.
    expect((await send(ingest, "first")).status).to.equal(201);
    await stored(1);
    await eventually(async () => expect(await world.database.prisma.searchOutboxEntry.count()).to.equal(0));
    const { traceId, spanId, header } = traceparent("01");
    expect((await send(ingest, "traced", header)).status).to.equal(201);
    await stored(2);
    const read = await fetch(`${api.url}/applications/${token}/chats/1/messages/2`, {
      headers: { traceparent: header },
    });
    expect(read.status).to.equal(200);

    await eventually(() => {
      const names = of(traceId).map(({ name }) => name);
      expect(names).to.include.members(["index", "search.index", "messages.inRanges", "messages.find"]);
    });
    const spans = of(traceId);
    const request = named(spans, "POST /messages");
    const accept = named(spans, "accept");
    const store = named(spans, "store");
    const index = named(spans, "index");
    expect(request).to.include({ service: "confab-ingest", parentSpanId: spanId });
    expect(request.attributes).to.include({
      "http.response.status_code": "201",
      "confab.application": token.slice(0, 8),
    });
    expect(accept).to.include({ service: "confab-ingest", parentSpanId: request.spanId });
    expect(accept.links).to.deep.equal([idOf(request)]);
    expect(store).to.include({ service: "confab-worker", parentSpanId: accept.spanId });
    expect(store.links).to.have.members([idOf(accept), idOf(request)]);
    expect(named(spans, "batch-store.store").parentSpanId).to.equal(store.spanId);
    expect(named(spans, "backlog.complete").parentSpanId).to.equal(store.spanId);
    expect(index).to.include({ service: "confab-worker", parentSpanId: store.spanId });
    expect(index.links).to.have.members([idOf(store), idOf(request)]);
    const messaging = (span: ReceivedSpan) =>
      Object.fromEntries(Object.entries(span.attributes).filter(([name]) => name.startsWith("messaging.")));
    const job = { "messaging.system": "bullmq", "messaging.destination.name": "messages" };
    expect(messaging(accept)).to.deep.equal({
      ...job,
      "messaging.operation.type": "send",
      "messaging.operation.name": "accept",
      "messaging.batch.message_count": "1",
    });
    expect(messaging(store)).to.deep.equal({
      ...job,
      "messaging.operation.type": "process",
      "messaging.operation.name": "store",
      "messaging.batch.message_count": "1",
    });
    expect(messaging(index)).to.include({
      "messaging.operation.name": "index",
      "messaging.destination.name": "search",
    });
    const drain = named(spans, "outbox.drain");
    // The span contains the calls of the search index, so it is not a database call.
    expect(drain).to.include({ kind: "internal" });
    expect(drain.attributes).to.not.have.property("db.system.name");
    expect(drain.parentSpanId).to.equal(index.spanId);
    expect(named(spans, "search.index")).to.deep.include({ parentSpanId: drain.spanId });
    expect(named(spans, "search.index").attributes["db.system.name"]).to.equal(
      hasElasticsearch() ? "elasticsearch" : "mysql",
    );
    const got = named(spans, "GET /applications/{token}/chats/{chat}/messages/{message}");
    expect(got).to.include({ service: "confab-api", parentSpanId: spanId });
    expect(named(spans, "pending.read").parentSpanId).to.equal(got.spanId);
    // Traces must not give their readers access to the application.
    expect(JSON.stringify(spans)).to.not.include(token);
    const isAbout = ({ trace_id, trace_ids }: Record<string, unknown>): boolean =>
      trace_id === traceId || (Array.isArray(trace_ids) && trace_ids.includes(traceId));
    const lines = [ingest, worker, api].map((service) => service.logs().filter(isAbout));
    expect(lines.map(([line]) => line?.message)).to.deep.equal(["request", "messages stored", "request"]);
  });

  it("are complete for each of several messages that are accepted and stored together", async () => {
    const ingest = await start("ingest");
    const requests = [traceparent("01"), traceparent("01"), traceparent("01")];
    const before = await world.database.prisma.message.count();
    const answers = await Promise.all(requests.map(({ header }, at) => send(ingest, `together ${at}`, header)));
    expect(answers.map(({ status }) => status)).to.deep.equal([201, 201, 201]);
    await start("worker");
    await stored(before + 3);
    await eventually(() => {
      for (const { traceId } of requests) {
        expect(of(traceId).map(({ name }) => name)).to.include.members(["POST /messages", "accept", "store", "index"]);
      }
    });
    const known = new Set(receiver.spans.map(idOf));
    for (const { traceId } of requests) {
      const parents = of(traceId).map(({ parentSpanId }) => parentSpanId);
      expect(of(traceId).filter(({ spanId }) => parents.includes(spanId))).to.not.be.empty;
      for (const { links } of of(traceId)) expect([...known]).to.include.members([...links]);
    }
    // One of the three traces contains the work; the others link to it.
    const all = requests.flatMap(({ traceId }) => of(traceId));
    const worked = all.filter(({ name, links }) => name === "store" && links.length > 1);
    expect(worked).to.have.length(1);
    const others = all.filter(({ name, links }) => name === "store" && links.length === 1);
    expect(others.map(({ links }) => links[0])).to.deep.equal([idOf(worked[0]!), idOf(worked[0]!)]);
  });

  it("leave nothing in the collector or in Redis if a request is not sampled", async () => {
    const ingest = await start("ingest");
    const { traceId, header } = traceparent("00");
    const before = receiver.spans.length;
    expect((await send(ingest, "untraced")).status).to.equal(201);
    expect((await send(ingest, "not sampled", header)).status).to.equal(201);
    const sampled = traceparent("01");
    expect((await send(ingest, "sampled", sampled.header)).status).to.equal(201);

    const redis = new Redis(testStores().redisUrl);
    // Each message was sent alone, so each key contains one record.
    const records = await redis.mget(await redis.keys(`${env.REDIS_KEY_PREFIX ?? ""}:{p0}:records:*`));
    await redis.quit();
    const fieldsOf = (body: string) =>
      records
        .find((record) => record!.endsWith(`\n${body}`))!
        .split("\n")[0]!
        .split(" ");
    expect(fieldsOf("untraced")).to.have.length(4);
    expect(fieldsOf("not sampled")).to.have.length(4);
    expect(fieldsOf("sampled")[4]).to.match(new RegExp(`^00-${sampled.traceId}-[0-9a-f]{16}-01$`));

    await ingest.stop();
    expect(new Set(receiver.spans.slice(before).map((span) => span.traceId))).to.deep.equal(new Set([sampled.traceId]));
    expect(ingest.logs().filter((line) => line.trace_id === traceId)).to.have.length(1);
    const worker = await start("worker");
    await eventually(async () =>
      expect(await (await fetch(`${worker.adminUrl}/readyz`)).json()).to.include({ ok: true }),
    );
  });

  it("are also sent as Protocol Buffers, and a ratio does not override the caller's decision", async () => {
    const ingest = await start("ingest", {
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
    });
    const [sampled, unsampled] = [traceparent("01"), traceparent("00")];
    for (const header of [undefined, unsampled.header, sampled.header]) {
      expect((await send(ingest, "in bytes", header)).status).to.equal(201);
    }
    await ingest.stop();
    const bytes = Buffer.concat(receiver.messages);
    expect(bytes.includes(Buffer.from(sampled.traceId, "hex"))).to.equal(true);
    expect(bytes.includes("POST /messages")).to.equal(true);
    expect(bytes.includes(Buffer.from(unsampled.traceId, "hex"))).to.equal(false);
    // The spans belong only to the sampled request, not to the other two.
    expect(bytes.toString("latin1").split("confab.request_id")).to.have.length(2);
  });

  it("are sampled by ratio if the caller made no decision", async () => {
    const ingest = await start("ingest", {
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "1",
    });
    const before = receiver.spans.length;
    expect((await send(ingest, "sampled by ratio")).status).to.equal(201);
    await ingest.stop();
    expect(receiver.spans.slice(before).map(({ name }) => name)).to.include.members(["POST /messages", "accept"]);
  });

  it("name the kind of an error: the status of an answer, the class or code of a store's error", async () => {
    const api = await start("api", {
      SEARCH_BACKEND: "elasticsearch",
      ELASTICSEARCH_URL: `http://127.0.0.1:${await freePort()}`,
    });
    const { traceId, header } = traceparent("01");
    const path = `/applications/${token}/chats/1/messages/search?q=lost`;
    const answer = await fetch(api.url + path, { headers: { traceparent: header } });
    expect(answer.status).to.equal(503);
    await eventually(() => {
      expect(named(of(traceId), "search.search").attributes["error.type"]).to.equal("SearchUnavailable");
      expect(of(traceId).find(({ name }) => name.startsWith("GET "))?.attributes["error.type"]).to.equal("503");
    });
  });

  it("name the trace in a problem's document", async () => {
    const ingest = await start("ingest", { OTEL_EXPORTER_OTLP_ENDPOINT: "" });
    const { traceId, header } = traceparent("01");
    const traced = (await (await send(ingest, "nowhere", header, 999)).json()) as Record<string, unknown>;
    expect(traced).to.include({ status: 404, trace_id: traceId });
    const untraced = (await (await send(ingest, "nowhere", undefined, 999)).json()) as Record<string, unknown>;
    expect(untraced).to.not.have.property("trace_id");
  });

  it("affect neither messages nor the shutdown while the collector is unavailable", async () => {
    const unavailable = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
    const ingest = await start("ingest", {
      ...unavailable,
      OTEL_TRACES_SAMPLER: "always_on",
      SHUTDOWN_TIMEOUT: "10s",
      SHUTDOWN_DRAIN_DELAY: "0s",
    });
    for (let sent = 0; sent < 20; sent++) expect((await send(ingest, `unexported ${sent}`)).status).to.equal(201);
    await ingest.stop();
    expect(await ingest.exit).to.equal(0);
    const warnings = ingest.logs().filter((line) => String(line.message).startsWith("traces are incomplete"));
    expect(warnings.length).to.be.at.most(1);
  });
});

function idOf({ traceId, spanId }: ReceivedSpan): string {
  return `${traceId}-${spanId}`;
}
