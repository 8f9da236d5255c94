import { ensureFile, freePort, startMysql, type MysqlOptions, type ServerHandle } from "@confab/local";

const library = { file: "/usr/lib/galera/libgalera_smm.so", packages: ["galera-4"] };

/** Starts a real MariaDB that is the only member of a Galera cluster. */
export async function startGalera(options: Pick<MysqlOptions, "dir">): Promise<ServerHandle> {
  const provider = await ensureFile(library, () => undefined);
  const address = `127.0.0.1:${await freePort()}`;
  const args = [
    "--wsrep-on=ON",
    `--wsrep-provider=${provider}`,
    `--wsrep-provider-options=gmcast.listen_addr=tcp://${address}`,
    "--wsrep-cluster-address=gcomm://",
    `--wsrep-node-address=${address}`,
    "--binlog-format=ROW",
    "--innodb-autoinc-lock-mode=2",
  ];
  return startMysql({ ...options, args });
}
