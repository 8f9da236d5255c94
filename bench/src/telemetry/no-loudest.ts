// Takes the place of services/ingest/src/loudest.ts: counts no application.
export const createTopApplications = () => ({ count: () => undefined, rates: () => [] });
