import { expect } from "chai";
import { run } from "./command.ts";
import { openTerminal, type Terminal } from "./guides.ts";
import { expectConsistent, openRelease, rolledOut, services, type Release } from "./release.ts";

/** Runs the operating guides word for word, in a namespace with restricted Pod Security. */
describe("the operating guides, pasted", () => {
  let release: Release;
  let terminal: Terminal;
  let token: string;
  let image: string;

  const send = async (body: string): Promise<void> => {
    const message = { application_token: token, chat_number: 1, body };
    expect((await release.client.send("POST", "/messages", message)).status).to.equal(201);
  };
  const bodies = async (): Promise<string[]> => {
    const answer = await release.client.send("GET", `/applications/${token}/chats/1/messages`);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return (answer.body as { body: string }[]).map(({ body }) => body);
  };
  const settled = async (): Promise<void> => {
    for (const component of services) await rolledOut(release, component);
    for (const store of ["mysql", "redis", "elasticsearch"])
      await release.kubectl("rollout", "status", `statefulset/confab-${store}`, "--timeout=300s");
  };

  before(async () => {
    release = await openRelease("confab-e2e-guides");
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "dumps", namespace: release.namespace },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    await run("kubectl", ["apply", "--filename", "-"], { input: JSON.stringify(claim) });
    const backup = { enabled: "true", existingClaim: "dumps", temporarySize: "2Gi" };
    await release.upgrade(Object.fromEntries(Object.entries(backup).map(([name, value]) => [`backup.${name}`, value])));
    terminal = await openTerminal(release);
    token = await release.createApplication("guides");
    await release.createChats(token, 1);
    const template = "jsonpath={.spec.template.spec.containers[0].image}";
    image = await release.kubectl("get", "statefulset", "confab-mysql", "--output", template);
  });
  after(async () => {
    await terminal.close();
    await release.remove();
  });

  it("back up", async () => {
    await send("before the backup");
    await release.confabctl("counts", "verify");
    expect(await terminal.follow("back-up.md", "Every night")).to.match(/kept \/dumps\/confab-\S+\.sql\.gz/);
  });

  it("restore the backup: what it has is back, and what came after it is not", async () => {
    await send("after the backup");
    const output = await terminal.follow("back-up.md", "Restore", { "docker.io/library/mysql:8.4": image });
    expect(output).to.include("sql.gz: OK").and.include("All counts are correct");
    await settled();
    expect(await bodies()).to.deep.equal(["before the backup"]);
    await expectConsistent(release);
  });

  it("upgrade and roll back", async () => {
    expect(await terminal.follow("upgrade.md", "Upgrade")).to.match(/Phase:\s+Succeeded/);
    await terminal.follow("upgrade.md", "Roll back");
    await settled();
    expect(await bodies()).to.deep.equal(["before the backup"]);
  });

  for (const heading of ["The admin key", "The bundled MySQL", "The bundled Redis", "The bundled Elasticsearch"]) {
    it(`rotate a secret: ${heading}`, async () => {
      await terminal.follow("rotate-secrets.md", heading);
      await settled();
      await send(heading);
      expect(await bodies()).to.include(heading);
      await release.createApplication(heading);
      await expectConsistent(release);
    });
  }
});
