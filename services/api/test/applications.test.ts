import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { applicationSchema, type Application } from "@confab/contracts";
import { useEnding, eventually } from "@confab/testkit";
import { expect } from "chai";
import { z } from "zod";
import { follow, jsonOf, linksOf, problemOf, readAs, startApi, useApi } from "./start.ts";

const endAfterTest = useEnding();

describe("/applications", () => {
  const { world, api } = useApi();
  const create = async (name: string): Promise<Application> =>
    readAs(applicationSchema, await api.send("POST", "/applications", { name }), 201);

  it("creates an application, returns its location, counts and logs it, without its token", async () => {
    const sent = { name: "Support ☎", token: "mine" };
    const answer = await api.send("POST", "/applications", sent, { "x-request-id": "r-1" });
    expect(answer.headers.get("confab-ignored-fields")).to.equal("token");
    const application = readAs(applicationSchema, answer, 201);
    expect(application).to.include({ name: "Support ☎", chats_count: 0 });
    expect(application.token).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(application.updated_at).to.equal(application.created_at);
    const location = answer.headers.get("location") ?? "";
    expect(location).to.equal(`/applications/${application.token}`);
    expect(jsonOf(await api.get(location))).to.deep.equal(application);
    await eventually(async () => {
      const line = api.lines.find(({ request_id }) => request_id === "r-1");
      expect(line).to.include({ message: "request", route: "/applications", status: 201 });
      const metrics = await api.metrics.registry.metrics();
      expect(metrics).to.match(/^http_requests_total\{[^}]*method="POST",route="\/applications",status="201"/m);
      expect(JSON.stringify(api.lines)).to.not.include(application.token);
    });
  });

  it("renames with PATCH and PUT, and changes nothing else", async () => {
    const created = await create("before");
    const path = `/applications/${created.token}`;
    for (const method of ["PATCH", "PUT"]) {
      const renamed = readAs(
        applicationSchema,
        await api.send(method, path, { name: `by ${method}`, chats_count: 99 }),
      );
      expect(renamed).to.deep.equal({ ...created, name: `by ${method}`, updated_at: renamed.updated_at });
      expect(renamed.updated_at >= created.updated_at).to.equal(true);
      expect(jsonOf(await api.get(path))).to.deep.equal(renamed);
    }
  });

  it("are not listed for a web page whose author has pointed its own name at this machine", async () => {
    const local = await startApi(world, { HOST: "127.0.0.1" });
    const statusFor = async (host: string): Promise<number | undefined> => {
      const [answer] = (await once(get(`${local.url}/applications`, { headers: { host } }), "response")) as [
        IncomingMessage,
      ];
      answer.resume();
      return answer.statusCode;
    };
    const statuses = [await statusFor("localhost:8082"), await statusFor("evil.example:8082")];
    await local.stop();
    expect(statuses).to.deep.equal([200, 421]);
  });

  it("refuses invalid names and unknown tokens", async () => {
    for (const name of [undefined, null, 1, "", " \t", "n".repeat(256), "\ud800"]) {
      const { errors } = problemOf(await api.send("POST", "/applications", { name }), "validation-failed");
      expect(
        errors?.map(({ pointer }) => pointer),
        JSON.stringify(name),
      ).to.deep.equal(["/name"]);
    }
    expect((await create("😀".repeat(255))).name).to.have.length(510);
    for (const token of [randomUUID(), "x", "%20", "1"]) {
      problemOf(await api.get(`/applications/${token}`), "application-not-found");
      problemOf(await api.send("PATCH", `/applications/${token}`, { name: "x" }), "application-not-found");
    }
    problemOf(await api.get("/applications/%E0%A4%A"), "malformed-request");
  });

  it("creates one application for twenty concurrent requests with one key, and refuses another name", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.send("POST", "/applications", { name: "once" }, headers)),
    );
    const tokens = new Set(answers.map((answer) => readAs(applicationSchema, answer, 201).token));
    expect(tokens.size).to.equal(1);
    const replayed = answers.filter((answer) => answer.headers.get("idempotent-replayed") === "true");
    expect(replayed).to.have.length(19);
    problemOf(await api.send("POST", "/applications", { name: "twice" }, headers), "idempotency-conflict");
  });

  it("refuses guessable idempotency keys if no admin key is configured, and returns no token for them", async () => {
    const attempt = (key: string, headers = {}, to = api) =>
      to.send("POST", "/applications", { name: "Acme" }, { "idempotency-key": key, ...headers });
    for (const key of ["signup-1", "1", randomUUID().slice(1), "00000000-0000-1000-8000-000000000001"]) {
      const { errors } = problemOf(await attempt(key), "validation-failed");
      expect(errors).to.have.length(1);
      expect(errors?.[0]).to.include({ pointer: "Idempotency-Key" });
      expect(errors?.[0]?.detail).to.include("admin key");
    }
    const guarded = endAfterTest(await startApi(world, { ADMIN_API_KEY: "admin-key-for-tests" }));
    problemOf(await attempt("signup-1", {}, guarded), "unauthorized");
    const headers = { authorization: "Bearer admin-key-for-tests" };
    const [first, second] = [await attempt("signup-1", headers, guarded), await attempt("signup-1", headers, guarded)];
    expect(readAs(applicationSchema, second, 201)).to.deep.equal(readAs(applicationSchema, first, 201));
  });

  it("continues at cursors without ids and with little of a token, even for applications of one millisecond", async () => {
    const at = new Date("2020-01-01T00:00:00.000Z");
    const alike = ["a", "b", "c"].map((end) => `11111111-1111-4111-8111-11111111111${end}`);
    const tokens = [...alike, ...Array.from({ length: 6 }, () => randomUUID())].sort();
    await world.database.prisma.application.createMany({
      data: tokens.map((token) => ({ token, name: "alike", createdAt: at, updatedAt: at })),
    });
    for (const limit of [1, 2, 4]) {
      const { pages } = await follow(applicationSchema, api, `/applications?limit=${limit}`, "next");
      const seen = pages.flat().map(({ token }) => token);
      expect(seen.filter((token) => tokens.includes(token))).to.deep.equal(tokens);
      expect(new Set(seen).size).to.equal(seen.length);
    }
    const ids = (await world.database.prisma.application.findMany({ select: { id: true } })).map(({ id }) => id);
    let path: string | undefined = "/applications?limit=1";
    for (let page = 0; path !== undefined && page < 5; page += 1) {
      const answer = await api.get(path);
      path = linksOf(answer).next;
      const cursor = new URL(path ?? "", "http://localhost").searchParams.get("after") ?? "";
      const [time = "", ...rest] = cursor.split("-");
      const [application] = readAs(z.array(applicationSchema), answer);
      expect(parseInt(time, 36)).to.equal(Date.parse(application?.created_at ?? ""));
      const said = [cursor, Buffer.from(cursor, "base64url").toString("latin1"), ...rest];
      for (const id of ids) expect(said).to.not.include(String(id));
      if (!alike.includes(application?.token ?? "")) expect(rest.join("-")).to.have.length(8);
    }
  });

  it("lists the oldest first, page by page, each once", async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1) made.push((await create(`listed ${index}`)).token);
    const { pages } = await follow(applicationSchema, api, "/applications?limit=3", "next");
    expect(pages.slice(0, -1).every((page) => page.length === 3)).to.equal(true);
    const tokens = pages.flat().map(({ token }) => token);
    expect(tokens.slice(-7)).to.deep.equal(made);
    expect(new Set(tokens).size).to.equal(tokens.length);
    expect(linksOf(await api.get("/applications?limit=200"))).to.deep.equal({});
    for (const query of ["after=x", "after=0", "limit=0", "limit=201", "after=YXBwbGljYXRpb24gMQ"]) {
      problemOf(await api.get(`/applications?${query}`), "validation-failed");
    }
  });

  it("requires the configured admin key only for creating and listing", async () => {
    const guarded = endAfterTest(await startApi(world, { ADMIN_API_KEY: "admin-key-for-tests" }));
    const { token } = await create("guarded");
    for (const [method, body] of [["POST", { name: "x" }], ["GET"]] as const) {
      const asked = await guarded.send(method, "/applications", body);
      problemOf(asked, "unauthorized");
      expect(asked.headers.get("www-authenticate")).to.equal('Bearer realm="confab"');
      problemOf(await guarded.send(method, "/applications", body, { authorization: "Bearer other" }), "unauthorized");
      const given = await guarded.send(method, "/applications", body, {
        authorization: "Bearer admin-key-for-tests",
      });
      expect(given.status).to.be.oneOf([200, 201]);
    }
    expect(jsonOf(await guarded.get(`/applications/${token}`))).to.include({ token });
    expect(JSON.stringify(guarded.lines)).to.not.include("admin-key-for-tests");
  });

  it("answers 429 beyond an application's requests per second", async () => {
    const limited = endAfterTest(await startApi(world, { RATE_LIMITS: "on", APPLICATION_REQUEST_RATE: "3" }));
    const { token } = await create("limited");
    const other = await create("other");
    const answers = await Promise.all(Array.from({ length: 10 }, () => limited.get(`/applications/${token}`)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).to.be.within(4, 7);
    for (const answer of refused) problemOf(answer, "rate-limited");
    expect((await limited.get(`/applications/${other.token}`)).status).to.equal(200);
  });
});
