import { createMessageChanges, previewRetention } from "@confab/database";
import { expect } from "chai";
import { collect } from "./setup.ts";
import { useRetention } from "./use-retention.ts";

describe("previewing and claiming retention", () => {
  const { test, retention, ago, store, limited, expireAll } = useRetention();

  it("is claimed by one worker at a time, until it is released or its time is over", async () => {
    const claims = await Promise.all(Array.from({ length: 6 }, () => retention.claim(60_000)));
    expect(claims.filter(Boolean)).to.have.length(1);
    await retention.release(60_000);
    expect(await retention.claim(60_000), "an interval later").to.equal(false);
    await retention.release(-1_000);
    expect(await retention.claim(-1_000)).to.equal(true);
    expect(await retention.claim(60_000), "its worker died").to.equal(true);
    await retention.save(4_999, -1_000);
    expect((await test.database.prisma.retentionState.findFirstOrThrow()).behindSeconds).to.equal(4n);
    expect(await retention.claim(60_000)).to.equal(true);
  });

  it("previews exactly what it then deletes", async () => {
    const [a, b, other] = [await limited(30), await limited(null), await limited(5)];
    await store(a.id, [90, 60, 40, 29, 50, 1]);
    await createMessageChanges(test.database).remove({ chatId: a.id, number: 1 });
    await store(b.id, [12, 11, 1]);
    await test.chats.change(b.token, b.number, { retentionDays: 10 });
    await store(other.id, [2]);
    const preview = (options?: Parameters<typeof previewRetention>[1]) =>
      collect(previewRetention(test.database, options));
    const ofA = {
      token: a.token,
      chatNumber: 1,
      days: 30,
      isOwn: false,
      messages: 2,
      oldest: ago(60),
      newest: ago(40),
    };
    const ofB = { token: b.token, chatNumber: 1, days: 10, isOwn: true, messages: 2, oldest: ago(12), newest: ago(11) };
    expect(await preview()).to.deep.equal([ofA, ofB]);
    expect(await preview({ token: b.token })).to.deep.equal([ofB]);
    expect(await preview({ token: other.token })).to.deep.equal([]);
    expect(await preview({ token: other.token, days: 1 })).to.deep.equal([
      { ...ofA, token: other.token, days: 1, messages: 1, oldest: ago(2), newest: ago(2) },
    ]);
    expect(await preview({ token: a.token, days: 55 })).to.deep.equal([
      { ...ofA, days: 55, messages: 1, newest: ago(60) },
    ]);
    expect(await preview({ token: b.token, days: 1 }), "its chat has a limit of its own").to.deep.equal([ofB]);
    expect(await preview({ token: "no token" })).to.deep.equal([]);
    expect(await expireAll()).to.equal(4);
    expect(await preview()).to.deep.equal([]);
  });
});
