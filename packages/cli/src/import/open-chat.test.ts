import type { RefusedItem } from "@confab/contracts";
import { expect } from "chai";
import fc from "fast-check";
import { settleRun, takeRuns, type OpenChat } from "./open-chat.ts";

const token = "00000000-0000-4000-8000-000000000000";
const at = "2026-01-01T00:00:00.000Z";

function open(line: number, bodies: string[]): OpenChat {
  return { line, token, number: line, createdMs: 0, messages: bodies.map((body) => ({ body })), sent: 0, last: 0 };
}

const accepted = (number: number) =>
  ({
    status: 201,
    application_token: token,
    chat_number: 1,
    number,
    body: "",
    sender: null,
    metadata: null,
    reply_to: null,
    version: 1,
    change_number: null,
    created_at: at,
    updated_at: at,
    edited_at: null,
    deleted_at: null,
  }) as const;
const refused = (status: RefusedItem["status"], code: RefusedItem["code"]): RefusedItem => ({
  status,
  type: `http://confab/problems/${code}`,
  code,
  title: "No",
  detail: "No.",
});

describe("settleRun", () => {
  const settle = (chat: OpenChat, results: Parameters<typeof settleRun>[1]) => settleRun({ chat, items: [] }, results);

  it("advances the chat by the accepted messages and leaves the rest for later if the refusal is temporary", () => {
    const chat = open(1, ["a", "b", "c"]);
    const {
      accepted: count,
      temporary,
      failed,
    } = settle(chat, [accepted(1), refused(429, "rate-limited"), refused(503, "overloaded")]);
    expect([count, temporary?.code, failed]).to.deep.equal([1, "rate-limited", undefined]);
    expect(chat).to.include({ sent: 1, last: 1 });
  });

  it("fails the chat when a message was accepted after one that was refused", () => {
    const { failed } = settle(open(1, ["a", "b"]), [refused(429, "rate-limited"), accepted(1)]);
    expect(failed).to.equal(
      "message 1 was not accepted before a later one, so the messages of this chat are out of order",
    );
  });

  it("fails the chat when numbers do not increase", () => {
    const { accepted: count, failed } = settle(open(1, ["a", "b"]), [accepted(2), accepted(1)]);
    expect(count).to.equal(1);
    expect(failed).to.include("out of order");
  });

  it("fails the chat at a permanent refusal", () => {
    const { failed, temporary } = settle(open(1, ["a", "b"]), [accepted(1), refused(404, "chat-not-found")]);
    expect(failed).to.equal("message 2: Confab refused the request: No (404 chat-not-found).");
    expect(temporary).to.equal(undefined);
  });
});

describe("takeRuns", () => {
  it("fills requests within their limits, with every message once and the messages of a chat in order", () => {
    const bodies = fc.array(fc.nat({ max: 60_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(bodies, { maxLength: 60 }), (sizes) => {
        const queue = sizes.map((lengths, line) =>
          open(
            line,
            lengths.map((length) => "x".repeat(length)),
          ),
        );
        const keys: string[] = [];
        while (queue.length > 0) {
          const runs = takeRuns(queue, ({ line }, message) => `${line}-${message}`);
          const items = runs.flatMap((run) => run.items);
          const bytes = items.reduce((total, { body }) => total + body.length, 0);
          expect(items.length).to.be.within(1, 1000);
          expect(items.length === 1 || bytes <= 1024 * 1024).to.equal(true);
          expect(new Set(runs.map(({ chat }) => chat.line)).size).to.equal(runs.length);
          for (const { chat, items } of runs) {
            chat.sent += items.length;
            if (chat.sent < chat.messages.length) queue.push(chat);
          }
          keys.push(...items.map(({ idempotency_key }) => idempotency_key ?? ""));
        }
        expect(new Set(keys).size).to.equal(keys.length);
        const wanted = sizes.flatMap((lengths, line) => lengths.map((_, message) => `${line}-${message}`));
        expect(keys.toSorted()).to.deep.equal(wanted.toSorted());
        for (const line of sizes.keys()) {
          const own = keys.filter((key) => key.startsWith(`${line}-`));
          expect(own).to.deep.equal(own.map((_, message) => `${line}-${message}`));
        }
      }),
      { numRuns: 30 },
    );
  });
});
