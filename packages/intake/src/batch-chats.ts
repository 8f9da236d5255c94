/** From which number on an incarnation of Redis, named by its ordinal, assigned the numbers of a chat. */
export interface ChatNumbering {
  readonly chatId: bigint;
  readonly numbering: number;
  readonly from: number;
}

/** Decodes the numberings of a batch with these chats, as accept.lua writes them. */
export function decodeNumberings(text: string, chats: readonly BatchChat[]): ChatNumbering[] {
  return Array.from(text.matchAll(/(\d+) (\d+) (\d+)\n/g), ([, line, numbering, from]) => ({
    chatId: BigInt(chats[Number(line) - 1]!.chatId),
    numbering: Number(numbering),
    from: Number(from),
  }));
}

/** A chat's part of a batch. */
export interface BatchChat {
  token: string;
  /** The epoch of the application in which the messages were accepted; undefined in the first one. */
  epoch: number | undefined;
  chat: number;
  chatId: string;
  /** The number of its first message. */
  first: number;
  /** Where the first record begins among the records of the batch, in bytes; the others follow it. */
  offset: number;
  /** The lengths of the records, in bytes. */
  lengths: number[];
}

const space = 0x20;
const comma = 0x2c;
const zero = 0x30;

/**
 * Decodes the chats of a batch as accept.lua and complete.lua write them. Reads byte by byte, because most messages have a line
 * of their own, and splitting it costs more than decoding the message.
 */
export function decodeBatchChats(text: Buffer): BatchChat[] {
  const chats: BatchChat[] = [];
  let token = "";
  let epoch: number | undefined;
  let at = 0;
  const readText = (): string => {
    const from = at;
    while (at < text.length && text[at] !== space) at++;
    return text.toString("latin1", from, at++);
  };
  /** Every separator is below the digits. */
  const readNumber = (): number => {
    let value = 0;
    for (let byte = text[at++]!; byte >= zero; byte = text[at++]!) value = 10 * value + byte - zero;
    return value;
  };
  while (at < text.length) {
    const given = readText();
    if (given !== "") {
      const end = given.indexOf("/");
      token = end === -1 ? given : given.slice(0, end);
      epoch = end === -1 ? undefined : Number(given.slice(end + 1));
    }
    const chat = readNumber();
    const chatId = readText();
    const first = readNumber();
    readNumber();
    const offset = readNumber();
    const lengths = [readNumber()];
    while (text[at - 1] === comma) lengths.push(readNumber());
    chats.push({ token, epoch, chat, chatId, first, offset, lengths });
  }
  return chats;
}
