import { styleText } from "node:util";
import type { SearchHit } from "@confab/contracts";
import type { Command } from "commander";
import { listed, pages } from "../api-client.ts";
import { number, token, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";
import { addIndexCommands } from "./search-index.ts";

/** `search TOKEN CHAT QUERY`, and `search reindex|verify` for the index behind it. */
export function addSearchCommands(program: Command, io: Io): void {
  const search = program.command("search").description("search a chat's messages; rebuild and verify the index");

  search
    .command("query", { isDefault: true })
    .description("search a chat's messages, newest first; the word `query` may be left out")
    .argument("<token>", "the application's token", token)
    .argument("<chat>", "the chat's number", number)
    .argument("<query>", "words that must all occur, also inside words; every character is literal")
    .option("--limit <n>", "how many at the most", number, 50)
    .option("--all", "all of them")
    .action(
      async (of: string, chat: number, q: string, options: { limit: number; all?: boolean }, command: Command) => {
        const { api, output } = toolsOf(io, command);
        const limit = options.all === true ? Infinity : options.limit;
        const hits = await listed(pages(api, "searchMessages", { params: { token: of, chat }, query: { q }, limit }));
        output.result(hits, () =>
          hits.length === 0 ? "(nothing found)" : hits.map((hit) => view(hit, io)).join("\n"),
        );
      },
    );

  addIndexCommands(search, io);
}

const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };

/** What was found stands out at a terminal; elsewhere it is plain text. */
function view({ number, created_at, highlights }: SearchHit, { stdout }: Io): string {
  const fragments = highlights.map((highlight) =>
    highlight
      .split(/<mark>(.*?)<\/mark>/gsu)
      .map((part, index) => {
        const text = printable(part.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? entity));
        return index % 2 === 1 && stdout.isTTY === true ? styleText("bold", text, { validateStream: false }) : text;
      })
      .join(""),
  );
  return `${number}  ${created_at}  ${fragments.join(" … ")}`;
}
