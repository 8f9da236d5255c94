import { registerHooks } from "node:module";

// Loaded before ingest's own main.ts, so that production code needs no switch that nobody would use.
const replacements = new Map(
  [
    ["../../../packages/runtime/src/metrics.ts", "./no-metrics.ts"],
    ["../../../services/ingest/src/top-applications.ts", "./no-loudest.ts"],
  ].map(([place, other]) => [import.meta.resolve(place!), import.meta.resolve(other!)]),
);

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const url = replacements.get(found.url);
    return url === undefined ? found : { ...found, url };
  },
});
