/**
 * This program prints invented conversations for `confabctl import`. Arguments: number of chats, number of messages per
 * chat.
 */
const [chats = 3, messages = 20] = process.argv.slice(2).map(Number);
const words = "hello there how are you fine thanks see you at noon by the river with the boat and some bread".split(
  " ",
);

for (let chat = 1; chat <= chats; chat++) {
  const bodies = Array.from({ length: messages }, (_, number) => sentence(chat * messages + number));
  process.stdout.write(`${JSON.stringify({ application: "made up", chat: `chat ${chat}`, messages: bodies })}\n`);
}

/** Returns the same words for the same number, so that two runs write the same file. */
function sentence(number: number): string {
  const start = number % words.length;
  return `${words.slice(start, start + 3 + (number % 5)).join(" ")} (${number})`;
}
