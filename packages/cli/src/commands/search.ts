import { styleText } from "node:util";
import type { SearchHit } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { chatOperand, onApplication, textOperand } from "../application-arguments.ts";
import { number, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";
import { addIndexCommands } from "./search-index.ts";

/** `search [TOKEN] CHAT QUERY`, and `search reindex|verify` for the index behind it. */
export function addSearchCommands(program: Command, io: Io): void {
  const search = program
    .command("search")
    .description("search the messages of a chat; rebuild or verify the search index");

  onApplication(
    search
      .command("query", { isDefault: true })
      .description("search the messages of a chat, newest first; the word `query` may be left out")
      .option("--sender <id>", "only messages of this sender")
      .option("--limit <n>", "maximum number of hits", number, 50)
      .option("--all", "show all hits"),
    [
      chatOperand,
      textOperand("query", "words that must all occur, also inside of words; double quotes around words make a phrase"),
    ],
    async (token, [chat, q], command) => {
      const { api, output } = toolsOf(io, command);
      const options = command.opts<{ sender?: string; limit: number; all?: boolean }>();
      const limit = options.all === true ? Infinity : options.limit;
      const hits = await listed(
        pages(api, "searchMessages", { params: { token, chat }, query: { q, sender: options.sender }, limit }),
      );
      const width = Math.max(0, ...hits.map((hit) => String(hit.number).length));
      output.result(hits, () =>
        hits.length === 0
          ? "(nothing found)"
          : hits
              .map((hit) => [String(hit.number).padStart(width), output.time(hit.created_at), fragments(hit, io)])
              .map((cells) => cells.join("  "))
              .join("\n"),
      );
    },
  );

  addIndexCommands(search, io);
}

const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };

/** Hits are bold at a terminal and plain text elsewhere. */
function fragments({ highlights }: SearchHit, { stdout }: Io): string {
  return highlights
    .map((highlight) =>
      highlight
        .split(/<mark>(.*?)<\/mark>/gsu)
        .map((part, index) => {
          const text = printable(part.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? entity));
          return index % 2 === 1 && stdout.isTTY === true ? styleText("bold", text, { validateStream: false }) : text;
        })
        .join(""),
    )
    .join(" … ");
}
