import type { Metadata } from "@confab/contracts";

// The servers' own JSON type would sort the keys, so columns keep metadata as text.

export function encodeMetadata(metadata: Metadata | null | undefined): string | null {
  return metadata ? JSON.stringify(metadata) : null;
}

/** A row with its metadata decoded. */
export function withMetadata<Row extends { metadata: string | null }>(
  row: Row,
): Omit<Row, "metadata"> & { readonly metadata: Metadata | null } {
  return { ...row, metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Metadata) };
}
