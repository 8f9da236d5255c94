import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { ageFromNow } from "./age.ts";

describe("the age of what a process knows", () => {
  const { now } = Date;
  afterEach(() => {
    Date.now = now;
  });

  it("grows by the monotonic clock, also if the other one was set back", async () => {
    const age = ageFromNow();
    const anHourBack = () => now() - 3_600_000;
    Date.now = anHourBack;
    await sleep(20);
    expect(age()).to.be.within(19, 10_000);
  });

  it("grows by the clock that continues while the machine is suspended", () => {
    const age = ageFromNow();
    const anHourLater = () => now() + 3_600_000;
    Date.now = anHourLater;
    expect(age()).to.be.at.least(3_600_000);
  });
});
