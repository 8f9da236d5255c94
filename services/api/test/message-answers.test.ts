import { crc32 } from "node:zlib";
import { messageSchema } from "@confab/contracts";
import { nameHash } from "@confab/pending";
import { asNewer, renamable } from "@confab/testkit/world";
import { expect } from "chai";
import { z } from "zod";
import { jsonOf, problemOf, readAs, useApi } from "./start.ts";
import { numbersOf, pathOf, useMixedChats } from "./mixed-chats.ts";
import type { Chat } from "./world.ts";

/**
 * Returns the record in a format that this version does not know, with a valid checksum and an unchanged number of
 * bytes.
 */
function inLaterFormat(batchId: string, { token, number }: Chat, record: string): string {
  const [, sum = "", content = ""] = /^1 (\d+) (.*)$/s.exec(record) ?? [];
  // The new checksum may be shorter than the old one, but not longer.
  const contents = Array.from({ length: 36 ** 3 }, (_, at) => content.slice(0, -3) + at.toString(36).padStart(3, "0"));
  const sums = contents.map((text) => String((crc32(`2 ${batchId}/${text}`) ^ nameHash(token, number)) >>> 0));
  const at = sums.findIndex(({ length }) => length <= sum.length);
  return `2 ${sums[at]!.padStart(sum.length, "0")} ${contents[at]!}`;
}

describe("reading messages", () => {
  const { world, api } = useApi();

  const newChat = useMixedChats(world);

  it("refuses a query with too many parameters", async () => {
    const path = pathOf(await newChat([true, true]));
    problemOf(await api.get(`${path}?${"a=1&".repeat(99)}limit=1`), "validation-failed");
    const { detail } = problemOf(await api.get(`${path}?${"a=1&".repeat(1_100)}limit=1`), "malformed-request");
    expect(detail).to.include("100 parameters");
  });

  it("answers 503 instead of leaving out messages that a newer version accepted", async () => {
    const chat = await newChat([true, false, true]);
    const [batch] = await world.openBatches();
    const key = `${world.prefix}:{p0}:records:${batch!}`;
    const records = (await world.redis.get(key))!;
    await world.redis.set(key, inLaterFormat(batch!, chat, records));
    for (const path of [pathOf(chat), `${pathOf(chat)}/2`]) {
      expect(problemOf(await api.get(path), "service-unavailable").detail).to.include("newer version");
    }
    await world.redis.set(key, records);
    const messages = readAs(z.array(messageSchema), await api.get(pathOf(chat)));
    expect(numbersOf(messages)).to.deep.equal([1, 2, 3]);
  });

  it("shows a message that a newer version accepted without the field that it does not know, and changes it when it is stored", async () => {
    // Other tests leave open batches behind.
    await world.store();
    const chat = await world.newChat();
    await world.accept(chat, { body: "newer", sender: "anna", ...renamable });
    const [batch] = await world.openBatches();
    await world.accept(chat, "this version");
    const key = `${world.prefix}:{p0}:records:${batch!}`;
    const record = (await world.redis.get(key))!;
    await world.redis.set(key, asNewer(batch!, chat, record));
    const messages = readAs(z.array(messageSchema), await api.get(pathOf(chat)));
    expect(numbersOf(messages)).to.deep.equal([1, 2]);
    expect(messages[0]).to.include({ body: "newer", sender: "anna", metadata: null });
    const { etag } = Object.fromEntries((await api.get(`${pathOf(chat)}/1`)).headers);
    problemOf(await api.send("PATCH", `${pathOf(chat)}/1`, { body: "edited" }), "service-unavailable");
    await world.redis.set(key, record);
    await world.store();
    const edited = await api.send("PATCH", `${pathOf(chat)}/1`, { body: "edited" }, { "if-match": etag! });
    expect(readAs(messageSchema, edited)).to.include({ body: "edited", version: 2 });
  });

  it("refuses a query whose percent-encoding is not UTF-8, in values and in names", async () => {
    const path = pathOf(await newChat([true]));
    for (const query of ["limit=%ff", "%ff=1", "limit=%C3", "limit=%zz", "limit=1%"]) {
      expect(problemOf(await api.get(`${path}?${query}`), "malformed-request").detail, query).to.include(
        "percent-encod",
      );
    }
    problemOf(await api.get(`${path}/search?q=%ff`), "malformed-request");
    expect(jsonOf(await api.get(`${path}?limit=%31`))).to.have.length(1);
  });

  it("gives a message an ETag that stays when it is stored", async () => {
    const chat = await newChat([false]);
    const tag = (await api.get(`${pathOf(chat)}/1`)).headers.get("etag") ?? "";
    await world.store();
    const again = await api.get(`${pathOf(chat)}/1`, { "if-none-match": tag });
    expect([again.status, again.text]).to.deep.equal([304, ""]);
    expect((await api.get(`${pathOf(chat)}/1`)).headers.get("cache-control")).to.equal("private, no-store");
  });

  it("says what is missing and what is wrong", async () => {
    const chat = await newChat([true, false]);
    for (const number of [3, 0, -1, "x", "1.0", "01", 2_147_483_647, 9_999_999_999]) {
      problemOf(await api.get(`${pathOf(chat)}/${number}`), "message-not-found");
    }
    problemOf(await api.get(pathOf({ ...chat, number: 99 })), "chat-not-found");
    const wrong = await api.get(`${pathOf(chat)}?limit=0&after=-1&before=x&order=up`);
    const { errors } = problemOf(wrong, "validation-failed");
    expect(errors?.map(({ pointer }) => pointer)).to.deep.equal(["?limit", "?after", "?before", "?order"]);
  });
});
