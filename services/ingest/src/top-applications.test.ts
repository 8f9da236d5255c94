import { expect } from "chai";
import { createTopApplications } from "./top-applications.ts";

describe("createTopApplications", () => {
  it("names the loudest of many with their rates, in bounded memory, and never too high", () => {
    let time = 0;
    const loudest = createTopApplications({ kept: 20, shown: 3, leastMs: 1000, now: () => time });
    for (let round = 0; round < 1000; round++) {
      loudest.count("loud", 5);
      if (round % 2 === 0) loudest.count("half as loud", 5);
      loudest.count(`quiet ${round}`, 1);
    }
    time = 10_000;
    const [first, second, ...others] = loudest.rates();
    expect([first?.name, second?.name]).to.deep.equal(["loud", "half as loud"]);
    expect(first?.perSecond).to.equal(500);
    expect(second?.perSecond).to.equal(250);
    expect(others).to.have.length(1);
    expect(others[0]?.perSecond).to.be.at.most(0.1);
  });

  it("returns the last rates again until enough time has passed, and forgets silent applications", () => {
    let time = 0;
    const loudest = createTopApplications({ kept: 20, shown: 3, leastMs: 1000, now: () => time });
    loudest.count("loud", 10);
    time = 1000;
    const rates = [{ name: "loud", perSecond: 10 }];
    expect(loudest.rates()).to.deep.equal(rates);
    time = 1500;
    expect(loudest.rates()).to.deep.equal(rates);
    time = 2500;
    expect(loudest.rates()).to.deep.equal([]);
  });
});
