import type { Command } from "commander";
import { expect } from "chai";
import { createProgram } from "../src/program.ts";

describe("the options of confabctl", () => {
  const program = createProgram(process);
  const commandsOf = (command: Command): Command[] => command.commands.flatMap((each) => [each, ...commandsOf(each)]);

  it("mean one thing each: no command has an option with the name of a global one, which would take its value", () => {
    const globals = new Set(program.options.map(({ long }) => long));
    expect(globals.size).to.be.above(5);
    const repeated = commandsOf(program).flatMap((command) =>
      command.options.filter(({ long }) => globals.has(long)).map(({ long }) => `${command.name()} ${long}`),
    );
    expect(repeated).to.deep.equal([]);
  });
});
