import { expect } from "chai";
import { startLyingGateway, type Lie } from "./lying-gateway.ts";
import { useStack } from "./stack.ts";
import type { Verification } from "../src/verify/verify-installation.ts";
import type { Anomaly } from "../src/verify/verdict.ts";

type Listed = { number: number; body: string }[];
const isList = (path: string) => /\/messages(\?|$)/.test(path) && path.startsWith("/applications/");
const isChat = (path: string) => /\/chats\/\d+$/.test(path);

/** Returns a function that is true at every `n`-th call. */
const every = (n: number) => {
  let calls = 0;
  return () => (calls += 1) % n === 0;
};

const lies: Record<string, { readonly lie: () => Lie; readonly anomaly: Anomaly }> = {
  "acknowledges a message and drops it": {
    anomaly: "lost",
    lie: () => {
      const isTurn = every(3);
      let last: { number: number } | undefined;
      return async ({ method, path, ask }) => {
        if (method !== "POST" || path !== "/messages") return undefined;
        if (last !== undefined && isTurn()) return { status: 201, headers: new Headers(), body: last };
        const answer = await ask();
        last = answer.body as { number: number };
        return answer;
      };
    },
  },
  "sends a message twice": {
    anomaly: "duplicated",
    lie:
      () =>
      async ({ method, path, ask }) => {
        if (method === "POST" && path === "/messages") await ask();
        return undefined;
      },
  },
  "hides a message from the list": {
    anomaly: "skipped",
    lie:
      () =>
      async ({ method, path, ask }) => {
        if (method !== "GET" || !isList(path)) return undefined;
        const answer = await ask();
        return { ...answer, body: (answer.body as Listed).filter(({ number }) => number % 7 !== 0) };
      },
  },
  "shows a message too late": {
    anomaly: "stale",
    lie: () => {
      const seen = new Set<string>();
      return ({ method, path }) => {
        if (method !== "GET" || !/\/messages\/\d+$/.test(path) || seen.has(path)) return Promise.resolve(undefined);
        seen.add(path);
        const headers = new Headers({ "content-type": "application/problem+json" });
        const body = { code: "message-not-found", title: "Message not found", status: 404 };
        return Promise.resolve({ status: 404, headers, body });
      };
    },
  },
  "finds nothing": {
    anomaly: "unshown",
    lie:
      () =>
      ({ path }) =>
        Promise.resolve(path.includes("/search") ? { status: 200, headers: new Headers(), body: [] } : undefined),
  },
  "counts a message too many": {
    anomaly: "miscounted",
    lie:
      () =>
      async ({ method, path, ask }) => {
        if (method !== "GET" || !isChat(path)) return undefined;
        const answer = await ask();
        const chat = answer.body as { messages_count: number };
        return { ...answer, body: { ...chat, messages_count: chat.messages_count + 1 } };
      },
  },
};

describe("confabctl verify", function () {
  this.timeout(120_000);
  const stack = useStack();
  let liar: Awaited<ReturnType<typeof startLyingGateway>>;

  before(async () => {
    liar = await startLyingGateway(stack.gateway.url);
  });
  after(() => liar.stop());

  it("finds no anomaly in an installation, and measures when messages become visible", async () => {
    const plan = ["--messages", "600", "--chats", "3", "--senders", "3", "--duration", "30s"];
    const { code, stdout, stderr } = await stack.run(["verify", ...plan, "--json"]);
    expect(code, stdout + stderr).to.equal(0);
    const result = JSON.parse(stdout) as Verification;
    expect(result).to.include({ attempted: 600, ok: 600, unknown: 0, failed: 0 });
    expect(Object.values(result.anomalies).every((count) => count === 0)).to.equal(true);
    for (const [kind, { samples, p50, p99, max }] of Object.entries(result.visible_after_ms)) {
      expect(samples, kind).to.be.greaterThan(0);
      expect(p50! <= p99! && p99! <= max!, kind).to.equal(true);
    }
    const shown = await stack.json<{ chats_count: number }>("app", "show", result.application_token);
    expect(shown.chats_count).to.equal(3);
  });

  it("prints a table, stops sending in time, and reports when nothing could be sent", async () => {
    const plan = ["--messages", "100000", "--duration", "2s", "--chats", "1"];
    const { code, stdout } = await stack.run(["verify", ...plan]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^MESSAGES +COUNT +MEANING\nattempted +\d+ +in \d/);
    expect(stdout).to.match(/^lost +0 +acknowledged, but missing/m);
    expect(stdout).to.match(/^search +\d+ +[\d.]+ +[\d.]+ +[\d.]+$/m);

    liar.lies(({ path }) =>
      Promise.resolve(
        path.startsWith("/messages") ? { status: 422, headers: new Headers(), body: { title: "No" } } : undefined,
      ),
    );
    const silent = await stack.run(["verify", "--messages", "10", "--url", liar.url]);
    expect(silent.code).to.equal(4);
    expect(silent.stderr).to.include("No message was acknowledged");
  });

  it("refuses options of the other kind", async () => {
    const quick = await stack.run(["verify", "--quick", "--messages", "10"]);
    expect(quick.stderr).to.match(/'--quick' cannot be used with option '--messages <n>'/);
    const full = await stack.run(["verify", "--timeout", "10s"]);
    expect(full.stderr).to.include("--application and --timeout need --quick");
    expect([quick.code, full.code]).to.deep.equal([2, 2]);
  });

  for (const [what, { lie, anomaly }] of Object.entries(lies)) {
    it(`finds the anomaly if something ${what}`, async () => {
      liar.lies(lie());
      const plan = ["--messages", "150", "--chats", "1", "--senders", "2", "--duration", "20s", "--settle", "2s"];
      const { code, stdout, stderr } = await stack.run(["verify", ...plan, "--url", liar.url, "--json"]);
      expect(code, stderr).to.equal(5);
      const result = JSON.parse(stdout) as Verification;
      expect(result.anomalies[anomaly]).to.be.greaterThan(0);
      expect(result.examples.some((sentence) => sentence.startsWith(`${anomaly}: `))).to.equal(true);
      expect(stderr).to.match(/Confab broke a promise: \d+ anomal/);
    });
  }
});
