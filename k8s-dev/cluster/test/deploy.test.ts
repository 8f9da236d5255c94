import { expect } from "chai";
import { publicUrlOf } from "../src/deploy.ts";

describe("make deploy", () => {
  it("sets the public URL of the kind cluster, and none on a cluster of KUBECONFIG, whose address it does not know", () => {
    expect(publicUrlOf({})).to.deep.equal(["--set", "config.publicUrl=http://localhost:8088"]);
    expect(publicUrlOf({ KUBECONFIG: "/somewhere" })).to.deep.equal([]);
  });
});
