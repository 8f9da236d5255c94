import { expect } from "chai";
import { alerts, dashboards } from "../src/index.ts";
import { toGrafana } from "../src/grafana.ts";

const panels = dashboards.flatMap((plan) =>
  plan.rows.flatMap((row) => row.panels.map((panel) => ({ plan, panel, name: `${plan.uid}: ${panel.title}` }))),
);

describe("a dashboard", () => {
  it("has a uid, a title and a description of its own", () => {
    for (const key of ["uid", "title", "description"] as const) {
      expect(new Set(dashboards.map((plan) => plan[key])).size).to.equal(dashboards.length);
    }
  });

  it("gives every panel an id and every panel of a dashboard another title", () => {
    for (const plan of dashboards) {
      const built = (toGrafana(plan).panels ?? []) as { id?: number; title?: string }[];
      expect(new Set(built.map(({ id }) => id)).size).to.equal(built.length);
      expect(new Set(built.map(({ title }) => title)).size).to.equal(built.length);
    }
  });

  it("lets data source and namespace be chosen, a service where it matters, and links to the others", () => {
    for (const plan of dashboards) {
      const { templating, links } = toGrafana(plan);
      const byService = ["confab-http", "confab-runtime"].includes(plan.uid) ? ["service"] : [];
      expect(templating.list?.map(({ name }) => name)).to.deep.equal(["datasource", "namespace", ...byService]);
      expect(links).to.have.length(1);
    }
  });

  it("leaves no hole and no overlap in a row", () => {
    for (const { rows, uid } of dashboards) {
      for (const { title, panels: inRow } of rows) {
        const width = inRow.reduce((sum, panel) => sum + (panel.width ?? 8), 0);
        expect(width % 24, `${uid}: ${title}`).to.equal(0);
      }
    }
  });
});

describe("a panel", () => {
  it("says in a sentence what it shows", () => {
    const mute = panels.filter(
      ({ panel }) => !/^[\p{Lu}\d].+[.]$/su.test(panel.description) && !/^\p{Ll}.+[.]$/su.test(panel.description),
    );
    expect(mute.map(({ name }) => name)).to.deep.equal([]);
  });

  it("has a unit in Grafana's own words, also in the built JSON", () => {
    for (const plan of dashboards) {
      const built = (toGrafana(plan).panels ?? []).filter(({ type }) => type !== "row") as {
        description?: string;
        fieldConfig?: { defaults: { unit?: string } };
      }[];
      for (const panel of built) {
        expect(panel.fieldConfig?.defaults.unit).to.be.a("string");
        expect(panel.description).to.be.a("string");
      }
    }
  });

  it("leads to the runbooks of the alerts about it, and every alert is led to", () => {
    const linked = new Set(panels.flatMap(({ panel }) => panel.alerts ?? []));
    const elsewhere = ["ConfabMigrationFailed"];
    expect(linked).to.deep.equal(new Set(alerts.map(({ name }) => name).filter((name) => !elsewhere.includes(name))));
    const { panels: built = [] } = toGrafana(dashboards[0]!);
    const urls = built.flatMap((panel) => ("links" in panel ? (panel.links ?? []) : [])).map(({ url }) => url);
    expect(urls).to.include("docs/runbooks/ConfabRedisMemoryHigh.md");
  });

  it("asks for the chosen namespaces in every query", () => {
    const careless = panels.flatMap(({ name, panel }) =>
      panel.queries.filter(({ expr }) => !expr.includes('namespace=~"$namespace"')).map(() => name),
    );
    expect(careless).to.deep.equal([]);
  });
});
