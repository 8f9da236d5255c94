import { expect } from "chai";
import { run } from "./command.ts";
import type { Release } from "./release.ts";
import { report } from "./report.ts";

/** Describes the scheduled jobs of the chart, each started once by hand. */
export function describeScheduledJobs(installed: () => Release): void {
  describe("with backups and a canary", () => {
    let token: string;
    const messages = 25;

    before(async () => {
      token = await installed().createApplication("canary");
      await installed().kubectl("create", "secret", "generic", "canary", `--from-literal=token=${token}`);
      const claim = {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "dumps", namespace: installed().namespace },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      };
      await run("kubectl", ["apply", "--filename", "-"], { input: JSON.stringify(claim) });
      await installed().upgrade({
        "ingress.rateLimit.enabled": "false",
        "backup.enabled": "true",
        "backup.existingClaim": "dumps",
        "backup.temporarySize": "2Gi",
        "canary.enabled": "true",
        "canary.schedule": "0 0 1 1 *",
        "canary.existingSecret": "canary",
      });
    });

    const runNow = async (name: string): Promise<string> => {
      const job = `${name}-now`;
      await installed().kubectl("create", "job", job, `--from=cronjob/confab-${name}`);
      await installed().kubectl("wait", `job/${job}`, "--for=condition=Complete", "--timeout=300s");
      return installed().kubectl("logs", `job/${job}`);
    };

    it("dumps the database, restores the dump and finds every message in it", async () => {
      const [chat] = await installed().createChats(token, 1);
      for (let index = 0; index < messages; index++) {
        const message = { application_token: token, chat_number: chat, body: `message ${index}` };
        expect((await installed().client.send("POST", "/messages", message)).status).to.equal(201);
      }
      await installed().confabctl("counts", "verify");
      const log = await runNow("backup");
      report(log.trim());
      const rows = Number(/^restored messages: (\d+) rows$/m.exec(log)?.[1]);
      expect(rows).to.be.at.least(messages);
      expect(log).to.match(/^kept \/dumps\/confab-\S+\.sql\.gz: \d+ bytes$/m);
    });

    it("sends, reads and finds a message in the application of the canary, and creates no other", async () => {
      const log = await runNow("canary");
      report(log.trim());
      expect(log).to.include("ok      find the message by search").and.not.include("create an application");
    });
  });
}
