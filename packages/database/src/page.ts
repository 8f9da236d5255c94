import { countFitting } from "@confab/contracts";

export interface PageRequest<Row> {
  readonly limit: number;
  /** Number of rows that always fit on a page, whatever their size. */
  readonly alwaysFit: number;
  /** Returns the sizes of the first rows in bytes, to decide how many of them to read. */
  readonly sizes: (limit: number) => Promise<readonly { readonly bytes: bigint | number }[]>;
  readonly rows: (limit: number) => Promise<Row[]>;
}

/**
 * Reads a page of rows that may be large: at most `limit`, and at most 1 MiB unless the first row alone is larger.
 * `more` says whether more rows follow.
 */
export async function readPage<Row>(request: PageRequest<Row>): Promise<{ items: Row[]; more: boolean }> {
  const { limit, alwaysFit, sizes, rows } = request;
  if (limit <= alwaysFit) {
    const read = await rows(limit + 1);
    return { items: read.slice(0, limit), more: read.length > limit };
  }
  const sized = await sizes(limit + 1);
  const count = countFitting(
    sized.map(({ bytes }) => Number(bytes)),
    limit,
  );
  return { items: count === 0 ? [] : await rows(count), more: sized.length > count };
}
