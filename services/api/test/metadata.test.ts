import { randomUUID } from "node:crypto";
import { JsonText } from "@confab/contracts";
import { eventually, hasElasticsearch, useForEach } from "@confab/testkit";
import { expect } from "chai";
import { removeIndex } from "./remove-index.ts";
import { useApi } from "./start.ts";

const kept = String.raw`{"n":12345678901234567890,"n":-0,"x":[1e400,1.0,"\/ \u0041\n"],"metadata":{},"__proto__":{}}`;
const sent = kept.replaceAll(":", " : ").replaceAll(",", " ,\t");
const metadata = new JsonText(kept);

/** Returns how many values of `metadata` in the text of an answer equal `kept`. */
const copiesIn = (text: string): number => text.split(`"metadata":${kept}`).length - 1;

describe("metadata", () => {
  let path: string;
  const { world, api } = useApi();
  const chat = useForEach(() => world.newChat());
  beforeEach(() => {
    path = `/applications/${chat.token}/chats/${chat.number}/messages`;
  });
  const read = async (end = ""): Promise<number> => copiesIn((await api.get(path + end)).text);

  it("of messages is returned as it was sent, pending and stored, in lists, changes, versions and searches", async () => {
    await world.accept(
      chat,
      { body: "hello one", metadata },
      { body: "hello two", sender: 'a","metadata":{', metadata },
    );
    const ways = async () => [await read(), await read("/1"), await read("?after=1"), await read("?around=2")];
    expect(await ways(), "pending").to.deep.equal([2, 1, 1, 2]);
    await world.store();
    expect(await ways(), "stored").to.deep.equal([2, 1, 1, 2]);

    const edited = await api.send("PUT", `${path}/1`, `{"body":"hello again","metadata":${sent}}`);
    expect([edited.status, copiesIn(edited.text)]).to.deep.equal([200, 1]);
    await api.send("PUT", `${path}/1`, '{"metadata":{"a":1}}');
    expect(await read("/1/history")).to.equal(2);
    await api.send("PUT", `${path}/2`, '{"body":"hello changed"}');
    expect(copiesIn((await api.get(`${path.replace("messages", "changes")}?after=0`)).text)).to.equal(1);

    await api.search.prepare();
    const range = { chatId: chat.id, from: 1, to: 2 };
    await api.search.index(await world.messages.inRanges([range]), { refresh: true });
    expect(await read("/search?q=hello")).to.equal(1);
    if (hasElasticsearch()) await removeIndex(world.index);
  });

  it("of chats and the data of signals are returned as they were sent", async () => {
    const chats = path.replace(/\/\d+\/messages$/, "");
    const key = { "idempotency-key": randomUUID() };
    const created = await api.send("POST", chats, `{"metadata":${sent}}`, key);
    expect([created.status, copiesIn(created.text)]).to.deep.equal([201, 1]);
    expect((await api.send("POST", chats, `{"metadata":${sent}}`, key)).text).to.equal(created.text);
    expect(copiesIn((await api.get(chats)).text)).to.equal(1);
    const changed = await api.send("PATCH", `${chats}/${chat.number}`, `{"metadata":${sent}}`);
    expect(copiesIn(changed.text)).to.equal(1);
    expect(copiesIn((await api.get(`${chats}?order=activity`)).text)).to.equal(2);
  });

  it("is in streams as it was sent, and so are the data of signals", async () => {
    await world.accept(chat, { body: "hello", metadata });
    const abort = new AbortController();
    const response = await fetch(`${api.url}${path}/stream?after=0`, { signal: abort.signal });
    let text = "";
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    })().catch(() => undefined);
    await eventually(async () => {
      await api.send("POST", path.replace("messages", "signals"), `{"sender":"a","type":"typing","data":${sent}}`);
      expect(copiesIn(text)).to.equal(1);
      expect(text).to.include(`"data":${kept}}`);
    });
    abort.abort();
    await reading;
  });
});
