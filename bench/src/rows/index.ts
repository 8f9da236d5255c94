import { acceptRows } from "./accept.ts";
import { drainRow } from "./drain.ts";
import { streamsRow } from "./streams.ts";
import type { Row } from "./row.ts";

/** All rows, in the order of the report. */
export const rows: readonly Row[] = [...acceptRows, drainRow, streamsRow];
