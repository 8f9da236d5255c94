/**
 * The ordinal of an incarnation of Redis (`numbering`), and the first number that this incarnation assigned in a chat.
 */
export interface ChatNumbering {
  readonly chatId: bigint;
  readonly numbering: number;
  readonly from: number;
}

/**
 * Decodes the numberings that the accept script wrote for a batch with these chats. Leaves out damaged lines, like
 * complete.lua.
 */
export function decodeNumberings(text: Buffer, chats: readonly BatchChat[]): ChatNumbering[] {
  const found: ChatNumbering[] = [];
  const fields = new FieldReader(text);
  while (!fields.isAtEnd()) {
    const end = text.indexOf(newline, fields.at);
    const line = fields.readNumber();
    const numbering = fields.readNumber();
    const from = fields.readNumber();
    const sum = fields.readNumber();
    const isWhole = fields.at === end + 1;
    fields.at = end === -1 ? text.length : end + 1;
    const chat = chats[line - 1];
    if (isWhole && chat && sum === checkSum(Number(chat.chatId), numbering, from))
      found.push({ chatId: chat.chatId, numbering, from });
  }
  return found;
}

/** The part of a batch that belongs to one chat. */
export interface BatchChat {
  readonly token: string;
  /** The epoch of the application in which the messages were accepted. Undefined in the first epoch. */
  readonly epoch: number | undefined;
  readonly chat: number;
  readonly chatId: bigint;
  /** The number of the chat's first message in the batch. */
  readonly first: number;
  /** The offset in bytes of the chat's first record in the records of the batch. The chat's other records follow. */
  readonly offset: number;
  /** The lengths of the records, in bytes. */
  readonly lengths: number[];
}

const newline = 0x0a;
const space = 0x20;
const comma = 0x2c;
const zero = 0x30;

/**
 * Reads the fields of lines byte by byte. Most messages have their own line, and splitting a line into strings costs
 * more than decoding its message.
 */
class FieldReader {
  readonly #text: Buffer;
  /** The offset at which the next field begins. */
  at = 0;

  constructor(text: Buffer) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.at >= this.#text.length;
  }

  /** Returns the byte after the field that was read last. */
  separator(): number | undefined {
    return this.#text[this.at - 1];
  }

  /** Reads a number and the separator after it. All separators have lower character codes than the digits. */
  readNumber(): number {
    const text = this.#text;
    let at = this.at;
    let value = 0;
    for (let byte = text[at++]!; byte >= zero; byte = text[at++]!) value = 10 * value + byte - zero;
    this.at = at;
    return value;
  }

  /** Skips a field that ends with a space. */
  skipText(): void {
    const end = this.#text.indexOf(space, this.at);
    this.at = (end === -1 ? this.#text.length : end) + 1;
  }
}

/**
 * Decodes a chat list that the accept script or complete.lua wrote, or some of its lines. If the first line names no
 * application, it belongs to `before`. Returns undefined if a line is damaged.
 *
 * The checksum of a line covers everything except the name of the chat and the lengths, which the records' checksums
 * cover.
 */
export function decodeBatchChats(
  text: Buffer,
  before: Pick<BatchChat, "token" | "epoch"> = { token: "", epoch: undefined },
): BatchChat[] | undefined {
  // Slicing one string costs a tenth of creating strings from bytes.
  const characters = text.toString("latin1");
  const chats: BatchChat[] = [];
  let { token, epoch } = before;
  const fields = new FieldReader(text);
  let isWhole = true;
  const readField = (): number => {
    const value = fields.readNumber();
    if (fields.separator() !== space) isWhole = false;
    return value;
  };
  while (!fields.isAtEnd()) {
    const from = fields.at;
    fields.skipText();
    if (fields.at > from + 1) {
      const given = characters.slice(from, fields.at - 1);
      const end = given.indexOf("/");
      token = end === -1 ? given : given.slice(0, end);
      epoch = end === -1 ? undefined : Number(given.slice(end + 1));
    }
    const chat = readField();
    const idAt = fields.at;
    const id = readField();
    const sum = readField();
    const first = readField();
    const count = readField() - first + 1;
    const offset = readField();
    const lengths = [fields.readNumber()];
    while (fields.separator() === comma) lengths.push(fields.readNumber());
    if (fields.separator() !== newline || count !== lengths.length) isWhole = false;
    if (!isWhole || sum !== checkSum(id, epoch ?? 0, first, count, offset)) return undefined;
    const chatId = BigInt(id <= Number.MAX_SAFE_INTEGER ? id : characters.slice(idAt, characters.indexOf(" ", idAt)));
    chats.push({ token, epoch, chat, chatId, first, offset, lengths });
  }
  return chats;
}

/** Encodes a chat list. Writes the application in each line, because the previous line may be missing. */
export function encodeBatchChats(chats: readonly BatchChat[]): Buffer {
  const lines = chats.map(({ token, epoch, chat, chatId, first, offset, lengths }) => {
    const sum = checkSum(Number(chatId), epoch ?? 0, first, lengths.length, offset);
    const owner = epoch === undefined ? token : `${token}/${epoch}`;
    return `${owner} ${chat} ${chatId} ${sum} ${first} ${first + lengths.length - 1} ${offset} ${lengths.join(",")}\n`;
  });
  return Buffer.from(lines.join(""));
}

/** Computes the same 32-bit checksum as the accept script. A change of any single digit changes the checksum. */
function checkSum(chatId: number, a: number, b: number, c = 0, d = 0): number {
  const sum = Math.imul(chatId, 524_287) + Math.imul(a, 262_139) + Math.imul(b, 131_071);
  return (sum + Math.imul(c, 65_521) + Math.imul(d, 32_749)) >>> 0;
}
