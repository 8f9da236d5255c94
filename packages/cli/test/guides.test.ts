import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createChats } from "@confab/database";
import { inherited, shellBlocks, testStores } from "@confab/testkit";
import { expect } from "chai";
import { leftOut } from "./guides/left-out.ts";
import { guideRuns, type GuideRun } from "./guides/run-here.ts";
import { useStack } from "./stack.ts";

const root = join(import.meta.dirname, "../../..");
const pages = globSync("{*.md,docs/{how-to,tutorials,explanation,runbooks,reference}/*.md}", { cwd: root });

const textOf = (page: string): Promise<string> => readFile(join(root, page), "utf8");
const firstLineOf = (block: string): string => block.split("\n")[0]!.trim();

/**
 * Returns the command blocks of a page that are run, the blocks that are not, and the lines of left-out.ts that match
 * no block.
 */
async function blocksOf(page: string) {
  const lines = leftOut.flatMap(([of, , firstLines]) => (of === page ? firstLines : []));
  const [run, omitted]: [string[], string[]] = [[], []];
  for (const block of shellBlocks(await textOf(page))) {
    const at = lines.indexOf(firstLineOf(block));
    if (at >= 0) lines.splice(at, 1);
    (at < 0 ? run : omitted).push(block);
  }
  return { run, omitted, unused: lines };
}

/**
 * Every request must succeed, and nothing may run for ever: a stream ends after a second, a tail after three. The key
 * is only a shell variable, because confabctl would prefer an exported key to the admin key.
 */
const prelude = `
shopt -s expand_aliases
curl() {
  case " $* " in
    *" -N "*) command curl -sS --fail-with-body --max-time 1 "$@" || [ $? = 28 ] ;;
    *) command curl -sS --fail-with-body "$@" ;;
  esac
}
`;
const confabctl = `#!/bin/bash
case " $* " in
  *--no-follow*) exec ${root}/packages/cli/bin/confabctl "$@" ;;
  " tail "*) timeout --signal INT 3 ${root}/packages/cli/bin/confabctl "$@" || [ $? = 124 ] ;;
  *) exec ${root}/packages/cli/bin/confabctl "$@" ;;
esac
`;

describe("the commands of the guides", function () {
  this.timeout(180_000);

  it("are all run by a test, or left out for a reason", async () => {
    let found = 0;
    const unknown: string[] = [];
    for (const page of pages) {
      const { run, omitted, unused } = await blocksOf(page);
      found += run.length + omitted.length;
      if (!guideRuns.some((guide) => guide.page === page)) unknown.push(...run.map((block) => `${page}: ${block}`));
      expect(unused, `left out, but not on ${page}`).to.deep.equal([]);
    }
    expect(found).to.be.above(130);
    expect(unknown, "on a page that is not in run-here.ts, and not in left-out.ts").to.deep.equal([]);
    const named = [...guideRuns.map(({ page }) => page), ...leftOut.map(([page]) => page)];
    expect(named.filter((page) => !pages.includes(page))).to.deep.equal([]);
  });

  for (const [kind, env] of [
    ["fresh", { ADMIN_API_KEY: "" }],
    ["keys", { REQUIRE_KEYS: "on" }],
  ] as const) {
    describe(kind === "fresh" ? "on a fresh installation" : "where keys are required", () => {
      const stack = useStack(() => ({ ...env, ERASURE_SETTLE_TIME: "300ms", REDIS_URL: testStores().redisUrl }));
      before(async () => {
        const bin = join(stack.folder, "bin");
        await mkdir(bin);
        await writeFile(join(bin, "confabctl"), confabctl);
        await chmod(join(bin, "confabctl"), 0o755);
      });

      async function post(path: string, body: object): Promise<unknown> {
        const headers = { "content-type": "application/json", authorization: `Bearer ${stack.env.ADMIN_API_KEY}` };
        const answer = await fetch(`${stack.gateway.url}${path}`, {
          method: "POST",
          headers,
          body: JSON.stringify(body),
        });
        expect(answer.ok, `${path}: ${answer.status}`).to.equal(true);
        return answer.json();
      }

      /** Creates what a guide expects: an application with a chat and two messages, a key, and a dead letter. */
      async function prepare(hasChat: boolean) {
        const { token } = (await post("/applications", { name: "Guide" })) as { token: string };
        const scopes = ["read", "write", "search", "edit", "admin"];
        const key = (await post(`/applications/${token}/keys`, { name: "mine", scopes })) as {
          key: string;
          key_id: string;
        };
        if (!hasChat) return { token, key, letter: 0n };
        await post(`/applications/${token}/chats`, {});
        for (const sender of ["user-17", "user-18"]) {
          await post("/messages", { application_token: token, chat_number: 1, body: "Hello", sender });
        }
        const { id: chatId } = (await createChats(stack.database).locate(token, 1))!;
        const at = new Date();
        const { id: letter } = await stack.database.prisma.deadLetter.create({
          data: {
            token,
            chatNumber: 1,
            chatId,
            number: 3,
            uid: crypto.getRandomValues(new Uint8Array(16)),
            body: Buffer.from("Hello again"),
            reason: "it was refused",
            acceptedAt: at,
            createdAt: at,
          },
        });
        return { token, key, letter };
      }

      async function paste(
        script: string,
        prepared: Awaited<ReturnType<typeof prepare>>,
        run: GuideRun,
      ): Promise<string> {
        const { token, key, letter } = prepared;
        const own: Record<string, string> = {
          "{token}": token,
          "{key-id}": key.key_id,
          "{letter}": String(letter),
          "{url}": stack.gateway.url,
          "{root}": root,
        };
        const replacements = {
          ...run.replaced,
          "http://localhost:8080": stack.gateway.url,
          "localhost:8080": new URL(stack.gateway.url).host,
        };
        let pasted = script;
        for (const [from, to] of Object.entries(replacements)) {
          pasted = pasted.replaceAll(
            from,
            to.replaceAll(/\{[\w-]+\}/g, (name) => own[name] ?? name),
          );
        }
        const variables = `TOKEN=${token} CONFAB_KEY=${kind === "keys" ? key.key : ""}`;
        const child = spawn("bash", ["-euo", "pipefail", "-c", `${prelude}${variables}\n${pasted}`], {
          cwd: stack.folder,
          env: {
            ...inherited(),
            ...stack.env,
            HOME: stack.folder,
            PATH: `${join(stack.folder, "bin")}:${process.env.PATH ?? ""}`,
          },
          stdio: ["ignore", "pipe", "pipe"],
        });
        const [stdout, stderr, [code]] = await Promise.all([
          text(child.stdout),
          text(child.stderr),
          once(child, "exit") as Promise<[number | null]>,
        ]);
        expect(code, `${pasted}\n${stdout}${stderr}`).to.equal(0);
        return stdout;
      }

      for (const run of guideRuns) {
        if (run.only !== undefined && run.only[0] !== kind) continue;
        it(`of ${run.page} work as they are written`, async () => {
          const page = await textOf(run.page);
          const { run: blocks } = await blocksOf(run.page);
          expect(blocks).not.to.deep.equal([]);
          const [example = ""] = /(?<=^```json\n)[^]*?(?=^```$)/m.exec(page) ?? [];
          await writeFile(join(stack.folder, "conversations.ndjson"), example);
          const scripts = run.isSession ? [blocks.join("\n")] : blocks;
          let output = "";
          for (const script of scripts) output += await paste(script, await prepare(run.isSession !== true), run);
          expect(output).to.include(run.shows);
        });
      }
    });
  }
});
