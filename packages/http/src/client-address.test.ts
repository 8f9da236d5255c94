import { expect } from "chai";
import { clientAddress } from "./client-address.ts";

describe("the address of a client", () => {
  it("is an IPv4 address, or the network of an IPv6 address", () => {
    const addressOf = (ip: string | undefined) => clientAddress({ ip });
    expect(addressOf("192.0.2.7")).to.equal("192.0.2.7");
    expect(addressOf("::ffff:192.0.2.7")).to.equal("192.0.2.7");
    expect(addressOf("2001:db8:1:2:3:4:5:6")).to.equal("2001:db8:1:2::/64");
    expect(addressOf("2001:db8:1:2::9")).to.equal("2001:db8:1:2::/64");
    expect(addressOf("2001:db8::9")).to.equal("2001:db8:0:0::/64");
    expect(addressOf("::1")).to.equal("0:0:0:0::/64");
    expect(addressOf("fe80::1%eth0")).to.equal("fe80:0:0:0::/64");
    expect(addressOf(undefined)).to.equal("");
  });
});
