import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { run } from "./command.ts";
import { describeLoad, failuresOf, startLoad } from "./load.ts";
import { verifyStored, type Acknowledged } from "./stored.ts";
import { chartFolder, expectConsistent, openRelease, rolledOut, services, type Release } from "./release.ts";
import { report } from "./report.ts";
import { changeUnderLoad } from "./rollouts.ts";

/** The previous chart (a folder or an archive) and its image. The default is this chart with another version. */
const { CONFAB_E2E_PREVIOUS_CHART: previousChart, CONFAB_E2E_PREVIOUS_TAG: previousTag } = process.env;

describe("Confab upgraded from the previous version", () => {
  let release: Release;
  let folder: string;
  let token: string;
  let acknowledged: readonly Acknowledged[];
  const previous: Record<string, string> = {
    "ingress.rateLimit.enabled": "false",
    ...(previousTag === undefined ? {} : { "image.tag": previousTag }),
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-e2e-chart-"));
    release = await openRelease("confab-e2e-upgrade");
    await release.upgrade(previous, { chart: previousChart ?? (await packaged(folder)) });
    token = await release.createApplication("from the previous version");
    // The release is used for a while, because a real upgrade begins with data and with a warmed-up Elasticsearch.
    const load = startLoad({ token, chats: await release.createChats(token, 5), writers: 8, readers: 4, retry: true });
    await pause(30_000);
    const ended = await load.stop();
    report(`before: ${describeLoad(ended)}; failures: ${JSON.stringify(failuresOf(ended))}`);
    acknowledged = ended.acknowledged;
  });
  after(async () => {
    await release.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it("fails no request and loses nothing during the upgrade", async () => {
    await changeUnderLoad(release, async () => {
      await release.upgrade({ "ingress.rateLimit.enabled": "false" });
      for (const component of services) await rolledOut(release, component);
    });
    report(await versions(release));
  });

  it("fails no request and loses nothing during the rollback", async () => {
    await changeUnderLoad(release, async () => {
      await release.helm("rollback", "confab", "1", "--wait", "--timeout", "5m");
      for (const component of services) await rolledOut(release, component);
    });
    report(await versions(release));
  });

  it("still has all earlier messages, counted and searchable", async () => {
    expect(await verifyStored(release.client, token, acknowledged)).to.deep.equal({
      stored: acknowledged.length,
      extra: 0,
    });
    await expectConsistent(release);
  });
});

async function packaged(folder: string): Promise<string> {
  await run("helm", ["package", chartFolder, "--version", "0.0.1", "--destination", folder]);
  return join(folder, "confab-0.0.1.tgz");
}

async function versions(release: Release): Promise<string> {
  const { items } = await release.json<{
    items: {
      metadata: { labels: Record<string, string> };
      spec: { template: { spec: { containers: { image: string }[] } } };
    }[];
  }>("get", "deployments");
  return items
    .map(
      ({ metadata, spec }) =>
        `${metadata.labels["helm.sh/chart"] ?? ""} ${spec.template.spec.containers[0]?.image ?? ""}`,
    )
    .join(", ");
}
