import { fillPath, routes, shareOf, type Route } from "@confab/contracts";
import { expect } from "chai";
import { mount, type InShare, type Owner, type RouteHandler, type FairShares } from "../src/index.ts";
import { someToken, options, startApp, type TestApp } from "./start-app.ts";

const params = { token: someToken, chat: 1, message: 1, reader: "anna", key: "00000000" };
const named = { name: "x", scopes: ["read"] };
const point = "WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis";
const bodies: Readonly<Record<string, object>> = {
  createApplication: { name: "x" },
  updateApplication: { name: "x" },
  replaceApplication: { name: "x" },
  eraseSender: { sender: "anna" },
  createChat: {},
  updateChat: { name: "x" },
  replaceChat: { name: "x" },
  setReadHorizon: { number: 1 },
  updateMessage: { body: "x" },
  replaceMessage: { body: "x" },
  sendSignal: { type: "typing", sender: "anna" },
  createKey: named,
  uploadKey: { ...named, public_key: { kty: "EC", crv: "P-256", x: point, y: point } },
  createAdminKey: { name: "x", scopes: ["admin"] },
};
const changes = Object.entries<Route>(routes).filter(
  ([, { method, service }]) => service === "api" && method !== "get",
);

describe("changes", () => {
  let app: TestApp;
  let shared: { owner: Owner; kind: unknown }[] = [];
  let isInShare = false;
  let isHandledInShare: boolean | undefined;
  before(async () => {
    const share: FairShares = async (owner, work, kind) => {
      shared.push({ owner, kind });
      isInShare = true;
      try {
        return await work();
      } finally {
        isInShare = false;
      }
    };
    const change = () => {
      isHandledInShare = isInShare;
      return Promise.resolve({ body: {} });
    };
    const handler = ({ inShare }: { inShare?: InShare }) => (inShare === undefined ? change() : inShare(change));
    app = await startApp((router) => {
      for (const [, route] of changes)
        mount(router, route, handler as unknown as RouteHandler<Route>, { ...options, share });
    });
  });
  after(() => app.stop());

  for (const [name, route] of changes) {
    const isShared = shareOf(route) !== "none";
    it(`${isShared ? "run in" : "do not need"} the share of their application: ${name}`, async () => {
      [shared, isHandledInShare] = [[], undefined];
      const body = bodies[name];
      const answer = await fetch(app.url + fillPath(route.path, params), {
        method: route.method.toUpperCase(),
        ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      expect(answer.status, await answer.text()).to.equal(route.success.status);
      expect(isHandledInShare).to.equal(isShared);
      const of = (parameter: keyof typeof params) => (route.params.includes(parameter) ? params[parameter] : "");
      const locks = of("token") === "" ? undefined : `${someToken} ${of("chat")} ${of("reader")}`;
      const owner = { token: of("token"), user: undefined };
      expect(shared).to.deep.equal(isShared ? [{ owner, kind: { locks } }] : []);
    });
  }
});
