import { JsonText, type Metadata } from "@confab/contracts";

// Columns keep metadata as text, because the servers' own JSON type would sort the keys.

/** Returns a row with its metadata marked as JSON. */
export function withMetadata<Row extends { metadata: string | null }>(
  row: Row,
): Omit<Row, "metadata"> & { readonly metadata: Metadata | null } {
  return { ...row, metadata: row.metadata === null ? null : new JsonText(row.metadata) };
}
