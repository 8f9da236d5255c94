import { randomUUID } from "node:crypto";
import { createChats } from "@confab/database";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { useStack } from "./stack.ts";

interface Preview {
  readonly messages: number;
  readonly applications: readonly { application_token: string; messages: number; chats: unknown[] }[];
}

const dayMs = 86_400_000;

describe("confabctl retention", function () {
  this.timeout(120_000);
  const stack = useStack(() => ({ RETENTION_INTERVAL: "1h" }));
  let token: string;
  beforeEach(async () => {
    ({ token } = await stack.json<{ token: string }>("app", "create", "Limited", "--retention-days", "30"));
  });

  /** Creates a chat with messages of these ages in days. */
  async function chatWith(ages: readonly number[], ...options: string[]): Promise<number> {
    const { number } = await stack.json<{ number: number }>("chat", "create", token, ...options);
    for (const age of ages) await stack.json("send", token, String(number), `message of ${age}`);
    const { id: chatId } = (await createChats(stack.database).locate(token, number))!;
    const { prisma } = stack.database;
    await eventually(async () => {
      expect(await prisma.message.count({ where: { chatId } })).to.equal(ages.length);
    });
    for (const [at, age] of ages.entries()) {
      const createdAt = new Date(Date.UTC(2026, 0, 1) - age * dayMs);
      await prisma.message.update({ where: { chatId_number: { chatId, number: at + 1 } }, data: { createdAt } });
      if (at === 0) await prisma.chat.update({ where: { id: chatId }, data: { retainedFromAt: createdAt } });
    }
    return number;
  }

  it("previews what the limits in force would delete, by application and chat, and deletes nothing", async () => {
    await chatWith([3, 1]);
    await chatWith([5], "--retention-days", "7");
    await chatWith([9], "--retention-days", "0");
    const preview = await stack.json<Preview>("retention", "preview", token);
    const at = (age: number): string => new Date(Date.UTC(2026, 0, 1) - age * dayMs).toISOString();
    expect(preview).to.deep.equal({
      messages: 3,
      applications: [
        {
          application_token: token,
          messages: 3,
          oldest_at: at(5),
          newest_at: at(1),
          chats: [
            { chat_number: 1, retention_days: 30, of: "application", messages: 2, oldest_at: at(3), newest_at: at(1) },
            { chat_number: 2, retention_days: 7, of: "chat", messages: 1, oldest_at: at(5), newest_at: at(5) },
          ],
        },
      ],
    });
    const { stdout, stderr } = await stack.run(["retention", "preview"], { CONFAB_TOKEN: token });
    expect(stdout).to.match(/^APPLICATION +CHAT +LIMIT +MESSAGES +OLDEST +NEWEST\n/);
    expect(stdout)
      .to.match(/\n +1 +30 days \(application\) +2 +2025-12-29T/)
      .and.match(/\n +2 +7 days \(chat\) +1 /);
    expect(stderr).to.equal("3 messages would be deleted.\n");
    const all = await stack.json<Preview>("retention", "preview");
    expect(all.applications.map(({ application_token }) => application_token)).to.include(token);
    expect(await stack.json("retention", "preview", token)).to.deep.equal(preview);
  });

  it("tries a limit that is not set", async () => {
    await stack.run(["retention", "set", token, "none"]);
    await chatWith([3, 1]);
    expect((await stack.json<Preview>("retention", "preview", token)).messages).to.equal(0);
    expect((await stack.json<Preview>("retention", "preview", token, "--days", "30")).messages).to.equal(2);
    expect((await stack.json<Preview>("retention", "preview", token, "--days", "36500")).messages).to.equal(0);
    expect(await stack.json("app", "show", token)).to.include({ retention_days: null });
    const open = await stack.run(["retention", "preview", "--days", "30"]);
    expect(open.code).to.equal(2);
    expect(open.stderr).to.include("--days needs an application");
    const unknown = await stack.run(["retention", "preview", randomUUID()]);
    expect([unknown.code, unknown.stderr]).to.deep.equal([3, "There is no application with this token.\n"]);
  });

  it("sets and removes limits of applications and chats, and shows them", async () => {
    await stack.json("chat", "create", token);
    const set = async (...args: string[]) =>
      (await stack.run(["retention", "set", token, "--yes", ...args])).stdout.trim();
    expect(await set("90")).to.equal("the application keeps its messages for 90 days");
    expect((await stack.run(["app", "show", token])).stdout).to.match(/RETENTION[^]* 90 days /);
    expect(await set("1", "--chat", "1")).to.equal("chat 1 keeps its messages for 1 day");
    expect((await stack.run(["chat", "list", token])).stdout).to.match(/RETENTION[^]* 1 day /);
    expect(await set("forever", "--chat", "1")).to.equal("chat 1 keeps its messages for ever");
    expect((await stack.run(["chat", "list", token])).stdout).to.match(/ for ever /);
    expect(await stack.json("api", "getChat", "--token", token, "--chat", "1")).to.include({ retention_days: 0 });
    expect(await set("none", "--chat", "1")).to.equal("chat 1 follows its application");
    expect(await stack.json("api", "getChat", "--token", token, "--chat", "1")).to.include({ retention_days: null });
    for (const days of ["none", "forever"]) {
      expect(await set(days)).to.equal("the application keeps its messages for ever");
      expect(await stack.json("app", "show", token)).to.include({ retention_days: null });
    }
    for (const [days, code] of [
      ["0", 2],
      ["week", 2],
      ["99999", 3],
    ] as const) {
      expect((await stack.run(["retention", "set", token, days, "--yes"])).code, days).to.equal(code);
    }
  });
});
