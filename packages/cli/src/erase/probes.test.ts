import { tablesOfChats } from "@confab/database";
import { expect } from "chai";
import { probedTables } from "./probes.ts";

describe("the probes of an erasure", () => {
  it("look into every table that has rows of a chat", () => {
    expect(probedTables).to.have.members([...tablesOfChats, "search_outbox"]);
  });
});
