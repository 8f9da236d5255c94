import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { run } from "./command.ts";
import { edgeUrl, expectConsistent, type Release } from "./release.ts";
import { report } from "./report.ts";

const repository = join(import.meta.dirname, "../..");
/** A file in the format of `confabctl export`. The default is a set of conversations in several scripts. */
const given = process.env.CONFAB_E2E_CONVERSATIONS;

const phrases = [
  "Good morning, is anyone there?",
  "Où est la gare, s'il vous plaît ?",
  "Grüße aus Köln – schön hier",
  "Доброе утро, как дела?",
  "今日はいい天気ですね",
  "你好,最近怎么样?",
  "안녕하세요, 반갑습니다",
  "مرحبا، كيف حالك؟",
  "שלום, מה נשמע?",
  "তোমার আগ্রহগুলো কি কি?",
  "สวัสดีครับ",
  "👩‍👩‍👧‍👦 🇺🇳 👍🏽",
];

/** Describes first steps of users: the examples of the README, and an import of existing conversations. */
export function describeConversations(installed: () => Release): void {
  describe("for a new user", () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "confab-e2e-conversations-"));
      await installed().upgrade({ "ingress.rateLimit.enabled": "false" });
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it("answers the unchanged curl examples of the README through the ingress", async () => {
      const examples = curlExamples(await readFile(join(repository, "README.md"), "utf8"));
      expect(examples).to.have.length(4);
      // The README's commands have no admin key, so curl takes it from its configuration.
      await writeFile(join(folder, ".curlrc"), `header = "Authorization: Bearer ${await installed().adminKey()}"\n`);
      let token = "";
      const results: unknown[] = [];
      for (const example of examples) {
        const command = example.replaceAll("http://localhost:8080", edgeUrl);
        const env = { ...process.env, CURL_HOME: folder, TOKEN: token };
        const isSearch = example.includes("/search");
        let result: unknown;
        for (let attempt = 0; attempt < (isSearch ? 60 : 1); attempt++) {
          result = JSON.parse(await run("bash", ["-c", `${command} --silent --show-error --fail-with-body`], { env }));
          if (!isSearch || (result as unknown[]).length > 0) break;
          await pause(500);
        }
        token = token || (result as { token: string }).token;
        results.push(result);
      }
      expect(results[0]).to.include({ name: "Demo", chats_count: 0 });
      expect(results[1]).to.include({ number: 1, messages_count: 0 });
      expect(results[2]).to.include({ number: 1, body: "Hello world" });
      expect(results[3]).to.have.nested.property("[0].highlights[0]", "H<mark>ell</mark>o world");
    });

    it("imports conversations through the ingress without a failure, and counts and finds all of them", async () => {
      const file = given ?? (await writeConversations(join(folder, "conversations.ndjson")));
      const program = join(repository, "packages/cli/bin/confabctl");
      const state = join(folder, "import-state.json");
      const env = { ...process.env, CONFAB_URL: edgeUrl, ADMIN_API_KEY: await installed().adminKey() };
      const output = await run(program, ["--json", "import", file, "--state", state], { env });
      const result = JSON.parse(output) as Record<string, unknown>;
      report(`imported through the ingress: ${JSON.stringify(result)}`);
      expect(result).to.deep.include({ missing: 0, failures: [], sent: result.messages });
      expect(result.messages).to.be.above(0);
      await expectConsistent(installed());
    });
  });
}

/** Extracts the curl commands from the README's code blocks, in order. */
function curlExamples(text: string): string[] {
  return [...text.matchAll(/^(curl (?:.*\\\n)*.*)$/gm)].map(([, command = ""]) => command);
}

async function writeConversations(file: string): Promise<string> {
  const lines = Array.from({ length: 60 }, (_, chat) =>
    JSON.stringify({
      application: `application ${chat % 6}`,
      chat: `chat ${chat}`,
      messages: Array.from(
        { length: 1 + (chat % 25) },
        (__, index) => `${phrases[(chat + index) % phrases.length]!} ${index}`,
      ),
    }),
  );
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}
