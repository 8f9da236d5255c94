/** A chat's part of a batch. */
export interface BatchChat {
  token: string;
  chat: number;
  chatId: string;
  /** The number of its first message. */
  first: number;
  /** Where the first record begins among the records of the batch, in bytes; the others follow it. */
  offset: number;
  /** The lengths of the records, in bytes. */
  lengths: number[];
}

/** Decodes the chats of a batch as accept.lua and complete.lua write them. */
export function decodeBatchChats(text: string): BatchChat[] {
  let token = "";
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [given, chat, chatId, first, , offset, lengths] = line.split(" ");
      token = given === "" ? token : given!;
      const parsed = { first: Number(first), offset: Number(offset), lengths: lengths!.split(",").map(Number) };
      return { token, chat: Number(chat), chatId: chatId!, ...parsed };
    });
}
