import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createElasticsearchIndex, SearchUnavailable } from "@confab/search";
import { expect } from "chai";

describe("logging in to Elasticsearch", () => {
  it("sends the login of the options, the login of the URL or the API key", async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer(({ headers }, res) => {
      seen.push(headers.authorization);
      res.writeHead(401).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const password = "p@ss:w/o?rd#%25,=&é";
    const fromUrl = `http://url-user:${encodeURIComponent(password)}@${host}`;
    for (const login of [
      { url: fromUrl },
      { url: fromUrl, username: "apart", password },
      { url: `http://${host}`, username: "apart", password },
      { url: fromUrl, apiKey: "aWQ6a2V5" },
      { url: `http://${host}` },
    ]) {
      const index = createElasticsearchIndex(login);
      const failure: unknown = await index.ping().catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(SearchUnavailable);
      await index.close();
    }
    server.closeAllConnections();
    server.close();
    const basic = (user: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    expect(seen).to.deep.equal([basic("url-user"), basic("apart"), basic("apart"), "ApiKey aWQ6a2V5", undefined]);
  });
});
