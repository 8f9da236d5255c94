import { Counter, Gauge, Registry, collectDefaultMetrics } from "prom-client";
import { createHistogram } from "./histogram.ts";
import { createLabelGuard, type Bound } from "./label-guard.ts";

interface Row {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: Readonly<Record<string, Bound>>;
  readonly buckets?: readonly number[];
}

type Catalogue = Readonly<Record<string, Row>>;
type NamesOf<C extends Catalogue, Type> = { [N in keyof C]: C[N]["type"] extends Type ? N : never }[keyof C] & string;

/** A label with a list accepts only the listed values, unless "other" is one of them. */
type ValueOf<B> = B extends readonly (infer Value extends string)[] ? ("other" extends Value ? string : Value) : string;
type LabelsOf<R> = R extends { labels: infer Labels }
  ? { readonly [L in keyof Labels]: ValueOf<Labels[L]> }
  : undefined;
/**
 * A metric without labels is itself the only series. For a metric with labels, `labels` returns a series, which hot
 * paths keep.
 */
type Instrument<R, Series> = LabelsOf<R> extends undefined ? Series : { labels(labels: LabelsOf<R>): Series };

export interface CounterSeries {
  inc(by?: number): void;
}
export interface GaugeSeries {
  set(value: number): void;
  /** Reads the value on every scrape. While it is undefined, the series is not exported. */
  onScrape(read: () => number | undefined): void;
}
export interface HistogramSeries {
  /** Observes a value. `times` is the number of events with this value. */
  observe(value: number, times?: number): void;
}

/** The catalogue's metrics, as measured by a process. Each one is created and exported when it is first requested. */
export interface Metrics<C extends Catalogue> {
  readonly registry: Registry;
  counter<N extends NamesOf<C, "counter">>(name: N): Instrument<C[N], CounterSeries>;
  gauge<N extends NamesOf<C, "gauge">>(name: N): Instrument<C[N], GaugeSeries>;
  histogram<N extends NamesOf<C, "histogram">>(name: N): Instrument<C[N], HistogramSeries>;
  /** Reads all series of a gauge on every scrape. A series that is no longer listed is no longer exported. */
  list<N extends NamesOf<C, "gauge">>(name: N, read: () => readonly { labels: LabelsOf<C[N]>; value: number }[]): void;
}

type Labels = Record<string, string>;
interface Reader {
  readonly labels: Labels;
  readonly read: () => number | undefined;
}

/**
 * Creates a registry for the metrics of a catalogue. It includes the process metrics of prom-client (`process_*`,
 * `nodejs_*`) that the catalogue lists. Every series has the label `service`. A label value outside a label's bound
 * becomes "other".
 */
export function createMetrics<const C extends Catalogue>(catalogue: C, service: string): Metrics<C> {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) if (!(name in catalogue)) registry.removeSingleMetric(name);
  const made = new Map<string, unknown>();

  function once(name: string, make: (row: Row, config: ReturnType<typeof configOf>) => unknown): never {
    let instrument = made.get(name);
    if (instrument === undefined) {
      const row = catalogue[name]!;
      instrument = make(row, configOf(name, row));
      made.set(name, instrument);
    }
    return instrument as never;
  }
  const configOf = (name: string, { help, labels = {} }: Row) => ({
    name,
    help,
    labelNames: Object.keys(labels),
    registers: [registry],
  });

  function makeGauge({ labels = {} }: Row, config: ReturnType<typeof configOf>) {
    const readers: Reader[] = [];
    const guard = createLabelGuard(labels);
    let readList: (() => readonly { labels: Labels; value: number }[]) | undefined;
    const gauge = new Gauge({
      ...config,
      collect: () => {
        for (const { labels: given, read } of readers) {
          const value = read();
          if (value === undefined) gauge.remove(given);
          else gauge.set(given, value);
        }
        if (readList === undefined) return;
        gauge.reset();
        guard.forget();
        for (const { labels: given, value } of readList()) gauge.set(guard.admit(given), value);
      },
    });
    const series = (given: Labels): GaugeSeries => {
      const child = gauge.labels(given);
      return {
        set: (value) => {
          child.set(value);
        },
        onScrape: (read) => {
          readers.push({ labels: given, read });
        },
      };
    };
    const list = (read: typeof readList): void => {
      readList = read;
    };
    return { ...instrumentOf(labels, guard.admit, series), list };
  }

  return {
    registry,
    counter: (name) =>
      once(name, ({ labels = {} }, config) => {
        // prom-client hashes the labels on every increment, so it gets only the sums, once per scrape.
        const counted = new Map<string, { labels: Labels; by: number }>();
        const counter = new Counter({
          ...config,
          collect: () => {
            for (const series of counted.values()) {
              counter.inc(series.labels, series.by);
              series.by = 0;
            }
          },
        });
        return instrumentOf(labels, createLabelGuard(labels).admit, (given) => {
          const key = JSON.stringify(given);
          const series = counted.get(key) ?? { labels: given, by: 0 };
          // Exports the series before its first event, because Prometheus sees an increase only relative to a value
          // that it has scraped before.
          counted.set(key, series);
          return {
            inc: (by = 1) => {
              series.by += by;
            },
          };
        });
      }),
    gauge: (name) => once(name, makeGauge),
    histogram: (name) =>
      once(name, ({ labels = {}, buckets = [] }, config) => {
        const histogram = createHistogram({ ...config, buckets });
        return instrumentOf(labels, createLabelGuard(labels).admit, histogram);
      }),
    list: (name, read) => {
      const { list } = once(name, makeGauge) as ReturnType<typeof makeGauge>;
      list(read as () => readonly { labels: Labels; value: number }[]);
    },
  };
}

function instrumentOf<Series>(
  bounds: Readonly<Record<string, Bound>>,
  admit: (labels: Labels) => Labels,
  series: (labels: Labels) => Series,
): Series | { labels(labels: Labels): Series } {
  if (Object.keys(bounds).length === 0) return series({});
  return { labels: (labels) => series(admit(labels)) };
}
