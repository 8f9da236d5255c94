import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificate, freePort } from "@confab/testkit";
import { expect } from "chai";
import { connectionProblem } from "../src/connection-problem.ts";

describe("the explanation of a failed connection", () => {
  const servers: Server[] = [];
  let folder: string;
  let plain: number;
  let secure: number;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-connection-"));
    const { certFile, keyFile } = await createCertificate(folder);
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    plain = await listening(createServer((_request, response) => response.end()));
    secure = await listening(createTlsServer({ cert, key }, (_request, response) => response.end()));
  });
  after(async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true });
  });

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  async function explained(url: string) {
    try {
      await fetch(url);
    } catch (error) {
      return connectionProblem(url, error);
    }
    throw new Error(`${url} answered`);
  }

  it("names the other scheme if the server does not use TLS", async () => {
    const { message, isTemporary } = await explained(`https://localhost:${plain}`);
    expect(message).to.include("does not use TLS. Use http:// instead of https://.");
    expect(isTemporary).to.equal(false);
  });

  it("suggests TLS if a plain connection breaks", async () => {
    const { message, isTemporary } = await explained(`http://localhost:${secure}`);
    expect(message).to.include("If the server requires TLS, use https:// instead of http://.");
    expect(isTemporary).to.equal(true);
  });

  it("names the variable for the certificate of an own authority", async () => {
    const { message, isTemporary } = await explained(`https://localhost:${secure}`);
    expect(message).to.match(/is not trusted \(\w+\)\. Set NODE_EXTRA_CA_CERTS/);
    expect(isTemporary).to.equal(false);
  });

  it("says what to check if nothing listens or the host is unknown", async () => {
    const closed = await explained(`http://localhost:${await freePort()}`);
    expect(closed.message).to.include("Check that it is running");
    const unknown = await explained("http://confab.invalid");
    expect(unknown.message).to.include("cannot be resolved. Check --url or CONFAB_URL.");
  });
});
