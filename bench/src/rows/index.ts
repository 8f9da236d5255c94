import { acceptRows } from "./accept.ts";
import { batchRow } from "./batch.ts";
import { capacityRow } from "./capacity.ts";
import { connectionsRow } from "./connections.ts";
import { drainRow } from "./drain.ts";
import { endToEndRow } from "./end-to-end.ts";
import { fleetRow } from "./fleet.ts";
import { growthRow } from "./growth.ts";
import { latencyRow } from "./latency.ts";
import { overloadRow } from "./overload.ts";
import { pagesRow } from "./pages.ts";
import { queueMemoryRow } from "./queue-memory.ts";
import { searchRow } from "./search.ts";
import { streamsRow } from "./streams.ts";
import { workersRow } from "./workers.ts";
import type { Row } from "./row.ts";

/** All rows, in the order of the report. */
export const rows: readonly Row[] = [
  ...acceptRows,
  drainRow,
  workersRow,
  latencyRow,
  batchRow,
  growthRow,
  queueMemoryRow,
  connectionsRow,
  overloadRow,
  pagesRow,
  searchRow,
  endToEndRow,
  streamsRow,
  fleetRow,
  capacityRow,
];
