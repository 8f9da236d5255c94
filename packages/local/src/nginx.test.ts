import { expect } from "chai";
import { addressLimits, hostsOf, maxStreamsOf } from "./nginx.ts";

describe("the settings of nginx", () => {
  it("has no limit where RATE_LIMITS is off, and says which variable is wrong", () => {
    expect(addressLimits({ RATE_LIMITS: "off" })).to.equal(undefined);
    const env = { FLOOD_RATE: "50", FLOOD_BURST: "100", FLOOD_ADMIN_RATE: "1", FLOOD_OTHER_BURST: "7" };
    expect(addressLimits(env)).to.deep.equal({
      sending: { requestsPerSecond: 50, burst: 100 },
      admin: { requestsPerSecond: 1, burst: 50 },
      other: { requestsPerSecond: 500, burst: 7 },
      open: 1100,
    });
    expect([{}, { MAX_STREAMS: "" }, { MAX_STREAMS: "70" }].map(maxStreamsOf)).to.deep.equal([10_000, 10_000, 70]);
    expect(() => addressLimits({ FLOOD_RATE: "many" })).to.throw("FLOOD_RATE must be a whole number");
  });

  it("is reached by any address, but by no other name, where it listens on every address", () => {
    const isHost = (host: string) =>
      new RegExp(`^(${hostsOf({ CONFAB_BIND: "0.0.0.0" }).join("|")})/`).test(`${host}/`);
    expect(["192.168.1.7", "[fe80::1]", "localhost"].every(isHost)).to.equal(true);
    expect(["evil.example", "1.2.3.4.evil.example", "localhostx"].some(isHost)).to.equal(false);
  });
});
