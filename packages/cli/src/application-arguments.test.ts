import { Command } from "commander";
import { expect } from "chai";
import {
  applicationArguments,
  chatOperand,
  declareApplicationArguments,
  textOperand,
} from "./application-arguments.ts";

const token = "b0144920-6211-49b6-b931-b4f1d6d64ab2";
const query = {
  ...textOperand("query", "words"),
  isOptional: ({ sender }: Record<string, unknown>) => sender !== undefined,
};

describe("an operand that may be left out with an option", () => {
  const parse = (operands: Parameters<typeof declareApplicationArguments>[1], args: string[]) => {
    let found: unknown;
    const command = new Command("search").option("--token <token>").option("--sender <id>").exitOverride();
    command.configureOutput({ writeErr: () => undefined });
    declareApplicationArguments(command, operands).action(() => {
      found = applicationArguments(command, operands);
    });
    command.parse(args, { from: "user" });
    return found;
  };
  const inChat = (...args: string[]) => parse([chatOperand, query], args);
  const across = (...args: string[]) => parse([query], args);
  const by = ["--sender", "bob"];
  const known = ["--token", token];

  it("is found or left out, with the application named first or by default", () => {
    expect(inChat(token, "1", ...by)).to.deep.equal([token, [1]]);
    expect(inChat(token, "1", "hello", ...by)).to.deep.equal([token, [1, "hello"]]);
    expect(inChat("1", ...by, ...known)).to.deep.equal([token, [1]]);
    expect(inChat(token, "1", ...by, ...known)).to.deep.equal([token, [1]]);
    expect(inChat("1", "hello", ...by, ...known)).to.deep.equal([token, [1, "hello"]]);
    expect(across(token, ...by)).to.deep.equal([token, []]);
    expect(across(token, "hello", ...by)).to.deep.equal([token, ["hello"]]);
    expect(across(...by, ...known)).to.deep.equal([token, []]);
    expect(across("hello", ...by, ...known)).to.deep.equal([token, ["hello"]]);
  });

  it("is required without the option", () => {
    expect(() => inChat(token, "1")).to.throw("missing required argument 'query'");
    expect(() => across(...known)).to.throw("missing required argument 'query'");
  });
});
