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

  it("has the variables that its queries and links use, and a visible link to the others", () => {
    const variables = Object.fromEntries(
      dashboards.map((plan) => [plan.uid, toGrafana(plan).templating.list?.map(({ name }) => name)]),
    );
    expect(variables).to.deep.equal({
      "confab-overview": ["datasource", "namespace", "logs", "traces"],
      "confab-http": ["datasource", "namespace", "service", "pod", "logs", "traces"],
      "confab-queue": ["datasource", "namespace", "logs"],
      "confab-runtime": ["datasource", "namespace", "service", "pod", "logs"],
    });
    for (const plan of dashboards) {
      const { links } = toGrafana(plan);
      expect(links).to.have.length(1);
      // Grafana hides everything that is placed in the controls menu.
      expect(JSON.stringify(toGrafana(plan))).to.not.include('"placement":"inControlsMenu"');
    }
  });

  it("marks starts and deployments", () => {
    for (const plan of dashboards) {
      const [starts, ...others] = toGrafana(plan).annotations.list ?? [];
      expect(others).to.deep.equal([]);
      expect(starts).to.include({ enable: true, useValueForTime: true });
      expect(starts?.expr).to.include("process_start_time_seconds").and.include("confab_build_info");
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
  it("describes in sentences what it shows", () => {
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

  it("links to the logs and traces of its time range", () => {
    const { panels: built = [] } = toGrafana(dashboards.find(({ uid }) => uid === "confab-http")!);
    const urls = built.flatMap((panel) => ("links" in panel ? (panel.links ?? []) : [])).map(({ url }) => url ?? "");
    const panes = urls
      .filter((url) => url.startsWith("/explore?"))
      .map((url) => JSON.parse(new URLSearchParams(url.split("?")[1]).get("panes") ?? "") as unknown);
    expect(panes).to.have.length(5);
    expect(panes[0]).to.have.nested.property("confab.datasource", "${logs}");
    expect(panes[0]).to.have.nested.property("confab.range.from", "${__from}");
    expect(panes[1]).to.have.nested.property("confab.datasource", "${traces}");
  });

  it("shows words in place of 0 and 1 where they are states", () => {
    const wordless = panels.filter(({ panel }) => panel.kind === "states" && panel.states === undefined);
    expect(wordless).to.deep.equal([]);
  });

  it("shows labels and named values in a table, and neither the time nor a value that says nothing", () => {
    const organized = dashboards.flatMap((plan) =>
      ((toGrafana(plan).panels ?? []) as { title?: string; transformations?: { id: string; options: object }[] }[])
        .filter(({ transformations = [] }) => transformations.length > 0)
        .map(({ title, transformations = [] }) => ({ title, ...transformations.at(-1)?.options })),
    );
    expect(organized).to.deep.equal([
      { title: "Alerts that fire", excludeByName: { Time: true, Value: true }, renameByName: {} },
      {
        title: "Routes",
        excludeByName: { Time: true },
        renameByName: { "Value #A": "requests", "Value #B": "failed", "Value #C": "p99" },
      },
    ]);
  });

  it("asks for Confab's processes alone where other applications have the same metrics", () => {
    const careless = panels.flatMap(({ name, panel }) =>
      panel.queries.filter(({ expr }) => /\bprocess_\w+\{(?!job="confab")/.test(expr)).map(() => name),
    );
    expect(careless).to.deep.equal([]);
  });

  it("says what no data means, where a number is shown alone", () => {
    const silent = panels.filter(
      ({ panel }) =>
        panel.kind === "stat" &&
        panel.noValue === undefined &&
        panel.queries.some(({ expr }) => / \/ |^max\(|^min\(/.test(expr)),
    );
    expect(silent.map(({ name }) => name)).to.deep.equal([]);
  });

  it("links to the runbooks of the alerts about it, and every alert has a panel", () => {
    const linked = new Set(panels.flatMap(({ panel }) => panel.alerts ?? []));
    const elsewhere = ["ConfabMigrationFailed", "ConfabAllTargetsGone", "ConfabCanaryFailing"];
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
