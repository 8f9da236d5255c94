import type { SearchDocument } from "@confab/search";

const key = ({ chatId, number }: SearchDocument) => `${chatId}-${number}`;
const inOrder = (a: SearchDocument, b: SearchDocument) =>
  a.chatId === b.chatId ? a.number - b.number : a.chatId < b.chatId ? -1 : 1;

/** Creates a table of committed rows that the index must match. It is read page by page while it changes. */
export function createMessageTable(pageSize = 500) {
  const rows = new Map<string, SearchDocument>();
  return {
    rows,
    commit(documents: readonly SearchDocument[]): void {
      for (const document of documents) rows.set(key(document), document);
    },
    async *scan(): AsyncGenerator<SearchDocument[]> {
      let last: SearchDocument | undefined;
      for (;;) {
        const after = last;
        const rest = [...rows.values()].filter((row) => after === undefined || inOrder(row, after) > 0);
        const page = rest.sort(inOrder).slice(0, pageSize);
        if (page.length === 0) return;
        yield page;
        // The table changes during this pause between two pages.
        await new Promise((resolve) => setTimeout(resolve, 5));
        last = page.at(-1);
      }
    },
  };
}
