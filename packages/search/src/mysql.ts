import { contentBytes, maxPageBytes } from "@confab/contracts";
import { decodeCursor, decodePosition, encodeCursor, encodePosition } from "./cursor.ts";
import { fold } from "./fold.ts";
import { toPage, type Found } from "./page.ts";
import { matches, parseQuery } from "./query.ts";
import { createTurns } from "./turns.ts";
import { walkChats, type StoredMessages } from "./walk-chats.ts";
import type {
  ApplicationSearchRequest,
  FoundInChat,
  FoundMessage,
  SearchFilters,
  SearchIndex,
  SearchPage,
  SearchRequest,
} from "./search-index.ts";

// Maximum number of messages, and of bytes of their bodies, per read.
const CHUNK = { limit: 250, bytes: maxPageBytes };
/** The limits of one search. When it reaches one, it returns the hits so far, and its cursor continues from there. */
const LIMITS = { messages: 50_000, ms: 1_000 };
/** Maximum bytes of the contents that a search across an application has read and not compared yet. */
const MAX_HELD_BYTES = 16 * maxPageBytes;

export interface MysqlIndexOptions {
  messages: StoredMessages;
  /** How much one search may read before it returns the hits so far. */
  limits?: { messages: number; ms: number };
}

type Limits = NonNullable<MysqlIndexOptions["limits"]>;

/**
 * Search without an index, for small data. Reads messages from the newest one on until the page is full or a limit is
 * reached.
 */
export function createMysqlIndex({ messages, limits = LIMITS }: MysqlIndexOptions): SearchIndex {
  return {
    kind: "mysql",
    prepare: () => Promise.resolve(false),
    index: (documents) => Promise.resolve({ indexed: documents.length, rejected: [] }),
    search: (request) => searchChat(messages, limits, request),
    searchApplication: (request) => searchApplication(messages, limits, request),
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

async function searchChat(messages: StoredMessages, limits: Limits, request: SearchRequest): Promise<SearchPage> {
  const { chatId, q, from, to, limit, cursor } = request;
  const terms = q === undefined ? [] : parseQuery(q);
  const isHit = filterFor(request, terms);
  const found: Found<FoundMessage>[] = [];
  const turns = createTurns();
  const deadline = performance.now() + limits.ms;
  let before = cursor === undefined ? undefined : decodeCursor(cursor);
  if (before === undefined && to !== undefined) {
    const [last] = await messages.latestBefore([{ chatId, before: to }]);
    if (last === undefined) return { hits: [] };
    before = last.number + 1;
  }
  for (let [read, bytes] = [0, 0]; ;) {
    const chunk = await messages.newest(chatId, before === undefined ? CHUNK : { ...CHUNK, before });
    for (const message of chunk) {
      if (isHit(message)) {
        found.push({ message, cursor: encodeCursor(message.number) });
        bytes += contentBytes(message);
      }
      await turns.give();
    }
    // Times ascend with the numbers, but for messages that Redis accepted while its clock was set back.
    const isOver = from !== undefined && chunk.every(({ createdAt }) => createdAt < from);
    before = isOver ? undefined : chunk.at(-1)?.number;
    if (before === undefined || found.length > limit || bytes > maxPageBytes) break;
    read += chunk.length;
    if (read >= limits.messages || performance.now() >= deadline) break;
  }
  return toPage(found, { limit, terms, rest: before === undefined ? undefined : encodeCursor(before) });
}

async function searchApplication(
  messages: StoredMessages,
  limits: Limits,
  request: ApplicationSearchRequest,
): Promise<SearchPage<FoundInChat>> {
  const { q, limit, cursor } = request;
  const terms = q === undefined ? [] : parseQuery(q);
  const isHit = filterFor(request, terms);
  const found: Found<FoundInChat>[] = [];
  const turns = createTurns();
  const deadline = performance.now() + limits.ms;
  const walk = await walkChats(messages, {
    ...request,
    after: cursor === undefined ? undefined : decodePosition(cursor),
  });
  let rest: string | undefined;
  for (let [read, bytes] = [1, 0]; ; read++) {
    const next = await walk.next();
    rest = next && encodePosition(next.position);
    if (next === undefined || rest === undefined) break;
    if (isHit(next.message)) {
      found.push({ message: next.message, cursor: rest });
      bytes += contentBytes(next.message);
    }
    if (found.length > limit || bytes > maxPageBytes) break;
    if (read >= limits.messages || performance.now() >= deadline || walk.heldBytes() > MAX_HELD_BYTES) break;
    await turns.give();
  }
  return toPage(found, { limit, terms, rest });
}

function filterFor({ sender, from, to }: SearchFilters, terms: readonly string[]): (message: FoundMessage) => boolean {
  return (message) =>
    (sender === undefined || message.sender === sender) &&
    (from === undefined || message.createdAt >= from) &&
    (to === undefined || message.createdAt < to) &&
    matches(fold(message.body), terms);
}
