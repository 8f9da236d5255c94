import { existsSync } from "node:fs";
import { join } from "node:path";
import { paths } from "@confab/local";
import { expect } from "chai";
import { alone } from "./alone.ts";

describe("the list of test files that run alone", () => {
  it("names files that exist", () => {
    expect([...alone].filter((file) => !existsSync(join(paths.root, file)))).to.deep.equal([]);
  });
});
