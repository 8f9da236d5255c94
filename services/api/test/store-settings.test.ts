import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "@confab/database";
import { useEnding, eventually, startGalera, uniquePrefix, type ServerHandle } from "@confab/testkit";
import { expect } from "chai";
import { jsonOf, problemOf, startApi } from "./start.ts";

const endAfterTest = useEnding();

describe("the api on a Galera cluster", function () {
  this.timeout(120_000);
  let folder: string;
  let galera: ServerHandle;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-api-"));
    galera = await startGalera({ dir: folder });
    await migrate(galera.url);
  });
  after(async () => {
    await galera.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (env: Record<string, string> = {}) => {
    const prefix = uniquePrefix("api");
    return startApi({ url: galera.url, prefix, index: prefix }, env);
  };

  it("creates and renames nothing and is not ready, but reads existing data", async () => {
    const sole = await start({ DATABASE_SINGLE_WRITER: "yes" });
    const { token } = jsonOf(await sole.send("POST", "/applications", { name: "first" }), 201) as { token: string };
    await eventually(async () => {
      await sole.health.refresh();
      expect(sole.health.ready().ok).to.equal(true);
    });
    await sole.stop();

    const api = endAfterTest(await start());
    await eventually(async () => {
      await api.health.refresh();
      expect(api.health.ready().checks.settings!.error).to.include("wsrep_on = OFF is needed (found: ON)");
    });
    expect(api.health.ready().ok).to.equal(false);
    const requests = [
      ["POST", "/applications", { name: "second" }],
      ["PATCH", `/applications/${token}`, { name: "second" }],
      ["POST", `/applications/${token}/chats`, {}],
    ] as const;
    for (const [method, path, body] of requests) {
      const { detail } = problemOf(await api.send(method, path, body), "storage-unavailable");
      expect(detail).to.include("Nothing was done");
    }
    const found = jsonOf(await api.get("/applications")) as { name: string; chats_count: number }[];
    expect(found.map(({ name, chats_count }) => [name, chats_count])).to.deep.equal([["first", 0]]);
    expect(api.lines.filter(({ level }) => level === "error").map(({ verdict }) => verdict)).to.include("refused");
  });
});
