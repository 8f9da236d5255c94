import { expect } from "chai";
import type { Manifest } from "./manifests.ts";
import { render, scenarios } from "./scenarios.ts";

/** Expects that a check finds nothing in any scenario. A failure lists the findings with their scenarios. */
export async function expectNothingFound(check: (manifests: readonly Manifest[]) => readonly string[]): Promise<void> {
  expect(scenarios).to.have.length.greaterThan(0);
  const found = await Promise.all(
    scenarios.map(async (scenario) => check(await render(scenario)).map((finding) => `${scenario}: ${finding}`)),
  );
  expect(found.flat()).to.deep.equal([]);
}

/** Returns the texts of the checks whose condition is true. */
export function findings(...checks: readonly (readonly [condition: boolean, text: string])[]): string[] {
  return checks.filter(([condition]) => condition).map(([, text]) => text);
}
