import { decodeBatchChats, type BatchChat } from "./batch-chats.ts";

const newline = 0x0a;
/** Matches tokens that the database can store. */
const nameable = /^[!-~]{1,36}$/;
const maxChat = 2_147_483_647;

/**
 * Reads the chats of a batch from a damaged chat list. Repairs a line with one flipped bit by flipping each bit in
 * turn: a line is right if its own checksum and the checksums of all its records match. Any other line is used as it is
 * if it can be read, and left out otherwise.
 */
export function repairChats(text: Buffer, isIntact: (chat: BatchChat) => boolean): BatchChat[] {
  const chats: BatchChat[] = [];
  let owner: Pick<BatchChat, "token" | "epoch"> | undefined;
  for (let at = 0; at < text.length;) {
    const end = endOfLine(text, at);
    const twoLines = endOfLine(text, end);
    const asItIs = decodeBatchChats(text.subarray(at, end), owner);
    const isRight = asItIs?.every(isIntact);
    // A flipped bit may also have joined two lines into one, or split one into two.
    const flippedIn = (to: number) => tryAllBits(text.subarray(at, to), owner, isIntact);
    const repaired = isRight ? undefined : flippedIn(end);
    const joined = isRight || repaired ? undefined : flippedIn(twoLines);
    const found = (repaired ?? joined ?? asItIs ?? []).filter(
      ({ token, chat }) => nameable.test(token) && chat <= maxChat,
    );
    chats.push(...found);
    owner = found.at(-1);
    at = joined ? twoLines : end;
  }
  return chats;
}

function tryAllBits(
  line: Buffer,
  owner: Pick<BatchChat, "token" | "epoch"> | undefined,
  isIntact: (chat: BatchChat) => boolean,
): BatchChat[] | undefined {
  const candidate = Buffer.from(line);
  for (let bit = 0; bit < 8 * line.length; bit++) {
    candidate[bit >> 3]! ^= 1 << (bit & 7);
    const chats = decodeBatchChats(candidate, owner);
    if (chats?.every(isIntact)) return chats;
    candidate[bit >> 3]! ^= 1 << (bit & 7);
  }
  return undefined;
}

function endOfLine(text: Buffer, from: number): number {
  const end = text.indexOf(newline, from);
  return end === -1 ? text.length : end + 1;
}
