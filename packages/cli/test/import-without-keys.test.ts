import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { useStack } from "./stack.ts";

describe("confabctl on an installation without an admin key", function () {
  this.timeout(120_000);
  const stack = useStack(() => ({ ADMIN_API_KEY: "", MAX_IDEMPOTENCY_KEYS: "20" }));

  it("creates an application, and a quick verification passes", async () => {
    const { token } = await stack.json<{ token: string }>("app", "create", "Fresh");
    await stack.json("app", "delete", token, "--yes");
    const verified = await stack.run(["verify", "--quick"], {
      CONFAB_URL: stack.urls.api,
      CONFAB_INGEST_URL: stack.urls.ingest,
    });
    expect(verified.code, verified.stderr).to.equal(0);
  });

  it("imports more messages than an application may have idempotency keys without a time", async () => {
    const file = join(stack.folder, "many.ndjson");
    const messages = Array.from({ length: 200 }, (_, at) => `message ${at}`);
    await writeFile(file, `${JSON.stringify({ application: "Many", chat: null, messages })}\n`);
    const imported = await stack.json<object>("import", file, "--give-up-after", "5");
    expect(imported).to.include({ sent: 200, missing: 0, retries: 0 });
  });

  it("imports each application once, with a key that only its state knows", async () => {
    const file = join(stack.folder, "conversations.ndjson");
    await writeFile(
      file,
      `${JSON.stringify({ application: "Bakery", chat: "Monday", messages: ["Two loaves", "Rye?"] })}\n`,
    );
    const chats = async () =>
      (await stack.json<{ name: string; chats_count: number }[]>("app", "list"))
        .filter(({ name }) => name === "Bakery")
        .map(({ chats_count }) => chats_count);
    const imported = await stack.run(["import", file]);
    expect(imported.code, imported.stderr).to.equal(0);
    expect((await stack.run(["import", file])).stderr).to.include("already imported");
    expect(await chats()).to.deep.equal([1]);
    // Somebody who knows the file but not the state gets a new application, not the token of the first one.
    const elsewhere = join(stack.folder, "elsewhere.json");
    expect((await stack.run(["import", file, "--state", elsewhere])).code).to.equal(0);
    expect(await chats()).to.deep.equal([1, 1]);
  });
});
