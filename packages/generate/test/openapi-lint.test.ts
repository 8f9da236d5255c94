import { openApiDocument } from "@confab/contracts";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectralCore from "@stoplight/spectral-core";
import { oas } from "@stoplight/spectral-rulesets";
import { expect } from "chai";

/** The document with a public address. Both tools object to localhost, which the committed document names. */
const document = JSON.stringify(openApiDocument({ publicUrl: "https://chat.confab.test", version: "1.2.3" }));

async function findingsOfSpectral(text: string): Promise<string[]> {
  const spectral = new spectralCore.Spectral();
  // The types of the two packages disagree about rulesets.
  spectral.setRuleset({ extends: [[oas, "recommended"]] } as never);
  const findings = await spectral.run(JSON.parse(text) as Record<string, unknown>);
  return findings.map(({ code, path, message }) => `${code} ${path.join(".")}: ${message}`);
}

async function findingsOfRedocly(source: string): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended"] });
  const findings = await lintFromString({ source, config });
  return findings.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer ?? ""}: ${message}`);
}

for (const [tool, findingsOf] of Object.entries({ Spectral: findingsOfSpectral, Redocly: findingsOfRedocly })) {
  describe(`the OpenAPI document, for ${tool}`, () => {
    it("has no finding of its recommended rules", async () => {
      expect(await findingsOf(document)).to.deep.equal([]);
    });

    it("would have one if descriptions and security were missing", async () => {
      const broken = document.replaceAll(/"(description|security)":/g, '"x-$1":');
      expect(await findingsOf(broken)).to.not.be.empty;
    });
  });
}
