import { routes, type Route } from "@confab/contracts";
import { problemOf } from "@confab/testkit/world";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { useApi } from "./start.ts";

/** One value for each path parameter. */
const values = { token: randomUUID(), chat: "1", message: "1", reader: "alice", key: "8Qn3fVbZ" };
const pathOf = ({ path }: Route): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: keyof typeof values) => values[name]);

describe("query parameters that a route does not have", () => {
  const { api } = useApi();

  for (const route of Object.values<Route>(routes).filter(({ service }) => service === "api")) {
    it(`are refused by ${route.operationId}, which names its own`, async () => {
      const { errors } = problemOf(
        await api.send(route.method.toUpperCase(), `${pathOf(route)}?no_such=1`),
        "validation-failed",
      );
      expect(errors).to.have.length(1);
      expect(errors?.[0]?.pointer).to.equal("?no_such");
      for (const name of Object.keys(route.query?.shape ?? {})) expect(errors?.[0]?.detail).to.include(name);
    });
  }

  it("are answered with the name that was probably meant", async () => {
    const search = `/applications/${values.token}/search`;
    for (const [path, pointer, meant] of [
      [`${search}?q=a&chat=1`, "?chat", "chats"],
      [`${search}?q=a&Sender=alice`, "?Sender", "sender"],
      [`${search}/chats?q=a&senders=alice`, "?senders", "sender"],
      [`/applications/${values.token}/stream?chat=1`, "?chat", "chats"],
      [`/applications/${values.token}/chats/1/messages?ofter=1`, "?ofter", "after"],
    ] as const) {
      const { errors } = problemOf(await api.get(path), "validation-failed");
      expect(errors?.[0]?.pointer, path).to.equal(pointer);
      expect(errors?.[0]?.detail, path).to.include(`Did you mean ${meant}?`);
    }
  });

  it("are all named, and cannot make the answer large", async () => {
    const query = `?a=1&b=2&${"x".repeat(5_000)}=3`;
    const { errors } = problemOf(await api.get(`/applications${query}`), "validation-failed");
    expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["?a", "?b", `?${"x".repeat(64)}...`]);
  });
});
