import { styleText } from "node:util";
import type { SearchHit } from "@confab/contracts";
import { Option, type Command } from "commander";
import { listed, pages, type ApiClient } from "../api-client.ts";
import {
  applicationArguments,
  chatOperand,
  declareApplicationArguments,
  textOperand,
  type Operand,
} from "../application-arguments.ts";
import { number, toolsOf } from "../command-tools.ts";
import type { Io } from "../io.ts";
import { printable } from "../output.ts";
import { addIndexCommands } from "./search-index.ts";

const queryOperand: Operand<string | undefined> = {
  ...textOperand(
    "query",
    "words that must all occur, also inside of words; double quotes around words make a phrase; may be left out with --sender",
  ),
  isOptional: ({ sender }) => sender !== undefined,
};

interface Filters {
  readonly sender?: string;
  readonly from?: string;
  readonly to?: string;
}

interface SearchOptions extends Filters {
  readonly allChats?: boolean;
  readonly order: "newest" | "relevance";
  readonly limit: number;
  readonly all?: boolean;
}

/**
 * Adds `search [TOKEN] CHAT QUERY` and `search --all-chats [TOKEN] QUERY`, and `search reindex|verify` for the index.
 */
export function addSearchCommands(program: Command, io: Io): void {
  const search = program.command("search").description("search messages; rebuild or verify the search index");

  const query = addFilters(search.command("query", { isDefault: true }))
    .description("search the messages of a chat; the word `query` may be left out")
    .option("--all-chats", "search all chats of the application, and leave out <chat>")
    .addOption(
      new Option("--order <order>", "which hits come first").choices(["newest", "relevance"]).default("newest"),
    )
    .option("--limit <n>", "maximum number of hits", number, 50)
    .option("--all", "show all hits");
  declareApplicationArguments(query, [chatOperand, queryOperand]).action(async () => {
    const { api, output } = toolsOf(io, query);
    const options = query.opts<SearchOptions>();
    const hits = await listed(findHits(api, query, options));
    const nameOf = ({ chat_number, number }: SearchHit): string =>
      options.allChats === true ? `${chat_number}/${number}` : String(number);
    const width = Math.max(0, ...hits.map((hit) => nameOf(hit).length));
    output.result(hits, () =>
      hits.length === 0
        ? "(nothing found)"
        : hits
            .map((hit) => [nameOf(hit).padStart(width), output.time(hit.created_at), fragments(hit, io)])
            .map((cells) => cells.join("  "))
            .join("\n"),
    );
  });

  addIndexCommands(search, io);
}

function addFilters(command: Command): Command {
  return command
    .option("--sender <id>", "only messages of this sender")
    .option("--from <time>", "only messages that were created at this time or later, such as 2026-11-24T08:30:00Z")
    .option("--to <time>", "only messages that were created before this time");
}

function findHits(api: ApiClient, command: Command, options: SearchOptions): AsyncGenerator<SearchHit[]> {
  const { sender, from, to, order } = options;
  const filters = { sender, from, to, order };
  const limit = options.all === true ? Infinity : options.limit;
  if (options.allChats === true) {
    const [token, [q]] = applicationArguments(command, [queryOperand]);
    return pages(api, "searchApplication", { params: { token }, query: { q, ...filters }, limit });
  }
  const [token, [chat, q]] = applicationArguments(command, [chatOperand, queryOperand]);
  return pages(api, "searchMessages", { params: { token, chat }, query: { q, ...filters }, limit });
}

const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };

/** Formats the highlights of a hit. The words that were found are bold at a terminal. */
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
