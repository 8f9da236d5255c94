import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, migrate, migrationStatus, reasonOf, type DatabaseAddress } from "@confab/database";
import { createCertificate, startMysql } from "@confab/testkit";
import { expect } from "chai";

const password = "p@ss:w/o?rd#%25,=&é";

describe("logging in to the database", function () {
  this.timeout(120_000);

  it("takes user and password from the URL or from options, and uses TLS if the URL requires it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "confab-login-"));
    const { certFile, keyFile, trust } = await createCertificate(folder);
    const args = [`--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`];
    const server = await startMysql({ dir: join(folder, "mysql"), args });
    const admin = createDatabase({ url: server.url });
    for (const host of ["127.0.0.1", "localhost"]) {
      for (const [user, needs] of [
        ["plain", "NONE"],
        ["secure", "SSL"],
      ]) {
        await admin.prisma.$executeRawUnsafe(
          `CREATE USER '${user}'@'${host}' IDENTIFIED BY '${password}' REQUIRE ${needs}`,
        );
        await admin.prisma.$executeRawUnsafe(`GRANT ALL ON *.* TO '${user}'@'${host}'`);
      }
    }
    await admin.close();
    const at = (host: string): string => `mysql://${host}:${server.port}/confab`;

    async function encryption(address: DatabaseAddress): Promise<string> {
      const database = createDatabase({ ...address, acquireTimeoutMs: 1500 });
      try {
        const rows = await database.prisma.$queryRaw<{ Value: string }[]>`SHOW STATUS LIKE 'Ssl_cipher'`;
        return rows[0]!.Value;
      } finally {
        await database.close();
      }
    }
    expect(await encryption({ url: at(`plain:${encodeURIComponent(password)}@127.0.0.1`) })).to.equal("");
    expect(await encryption({ url: at("nobody:wrong@127.0.0.1"), user: "plain", password })).to.equal("");
    const unencrypted = await encryption({ url: at("127.0.0.1"), user: "secure", password }).catch(reasonOf);
    expect(unencrypted).to.include("Access denied");

    const secure = { url: `${at("localhost")}?ssl=true`, user: "secure", password };
    const distrust = trust();
    expect(await encryption(secure)).to.match(/AES|CHACHA/);
    expect(await migrate(secure)).not.to.deep.equal([]);
    expect((await migrationStatus(secure)).pending).to.deep.equal([]);
    distrust();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
});
