import { fillPath, isList, routes, type Route } from "@confab/contracts";
import { expect } from "chai";
import { mount, type Owner, type RouteHandler } from "../src/index.ts";
import { someToken, options, startApp, type TestApp } from "./start-app.ts";

const params = { token: someToken, chat: 1, message: 1, reader: "anna", key: "00000000" };
const query: Readonly<Record<string, string>> = { q: "e", reader: "anna" };
const gets = Object.entries<Route>(routes).filter(
  ([, { method, success }]) => method === "get" && success.stream !== true,
);

describe("lists", () => {
  let app: TestApp;
  const shared: string[] = [];
  let isInShare = false;
  let isEncodedInShare: boolean | undefined;
  before(async () => {
    const share = async <T>({ token }: Owner, work: () => Promise<T>): Promise<T> => {
      shared.push(token);
      isInShare = true;
      try {
        return await work();
      } finally {
        isInShare = false;
      }
    };
    const item = {
      toJSON() {
        isEncodedInShare = isInShare;
        return {};
      },
    };
    const read = () => Promise.resolve({ body: [item], items: [item] });
    app = await startApp((router) => {
      for (const [, route] of gets) {
        const handler = ({ readEncoded }: { readEncoded?: <T>(work: () => Promise<T>) => Promise<T> }) =>
          readEncoded === undefined ? read() : readEncoded(read).then(({ items }) => ({ body: items }));
        mount(router, route, handler as unknown as RouteHandler<Route>, { ...options, share });
      }
    });
  });
  after(() => app.stop());

  for (const [name, route] of gets) {
    const owner = route.params.includes("token") ? someToken : "";
    it(`${isList(route) ? "are read in the share of their application" : "do not include"}: ${name}`, async () => {
      shared.length = 0;
      const needed = Object.keys(route.query?.shape ?? {}).filter((key) => key in query);
      const search = new URLSearchParams(Object.fromEntries(needed.map((key) => [key, query[key]!]))).toString();
      const answer = await fetch(`${app.url}${fillPath(route.path, params)}?${search}`);
      expect(answer.status, await answer.text()).to.equal(200);
      expect(shared).to.deep.equal(isList(route) ? [owner] : []);
      expect(isEncodedInShare, "the encoding is part of the share").to.equal(isList(route));
    });
  }

  it("are read and encoded outside the share by requests that wait", async () => {
    shared.length = 0;
    isEncodedInShare = undefined;
    const answer = await fetch(`${app.url}${fillPath(routes.listMessages.path, params)}?after=0&wait=5`);
    expect(answer.status, await answer.text()).to.equal(200);
    expect(shared).to.deep.equal([]);
    expect(isEncodedInShare).to.equal(false);
  });

  it("have a limit for their items, and links", () => {
    for (const [name, route] of gets) {
      if (!isList(route)) continue;
      expect(Object.keys(route.query?.shape ?? {}), name).to.include("limit");
      // Counts of hits stop at the limit, so they have no next page.
      if (name !== "countHits") expect(route.success.links, name).to.include("next");
    }
  });
});
