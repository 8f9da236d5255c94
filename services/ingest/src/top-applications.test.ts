import { expect } from "chai";
import { createTopApplications } from "./top-applications.ts";

describe("createTopApplications", () => {
  it("names the most frequent of many with their rates, in bounded memory, and never too high", () => {
    let time = 0;
    const topApplications = createTopApplications({ kept: 20, shown: 3, leastMs: 1000, now: () => time });
    for (let round = 0; round < 1000; round++) {
      topApplications.count("loud", 5);
      if (round % 2 === 0) topApplications.count("half as loud", 5);
      topApplications.count(`quiet ${round}`, 1);
    }
    time = 10_000;
    const [first, second, ...others] = topApplications.rates();
    expect([first?.name, second?.name]).to.deep.equal(["loud", "half as loud"]);
    expect(first?.perSecond).to.equal(500);
    expect(second?.perSecond).to.equal(250);
    expect(others).to.have.length(1);
    expect(others[0]?.perSecond).to.be.at.most(0.1);
  });

  it("returns the last rates again until enough time has passed, and forgets silent applications", () => {
    let time = 0;
    const topApplications = createTopApplications({ kept: 20, shown: 3, leastMs: 1000, now: () => time });
    topApplications.count("loud", 10);
    time = 1000;
    const rates = [{ name: "loud", perSecond: 10 }];
    expect(topApplications.rates()).to.deep.equal(rates);
    time = 1500;
    expect(topApplications.rates()).to.deep.equal(rates);
    time = 2500;
    expect(topApplications.rates()).to.deep.equal([]);
  });
});
