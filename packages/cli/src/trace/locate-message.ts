import type { ChatPlace } from "../find-chats.ts";
import type { OpenStores } from "../status/open-stores.ts";
import type { MessageStep } from "./message-step.ts";
import { searchStep } from "./search-step.ts";

type TracedStores = Pick<OpenStores, "database" | "pending" | "search" | "reasonOf">;

/** Asks Redis first, then MySQL, then the index, as a message goes. Throws where MySQL does not answer. */
export async function locateMessage(stores: TracedStores, place: ChatPlace, number: number): Promise<MessageStep[]> {
  const { prisma } = stores.database;
  const chat = await prisma.chat.findFirst({
    where: { number: place.chat, application: { token: place.token } },
    select: { id: true },
  });
  if (chat === null) return [{ state: "unknown", text: "There is no such chat in such an application." }];

  const steps: MessageStep[] = [];
  const waiting = await pendingRecord(stores, place, number, steps);
  const key = { chatId_number: { chatId: chat.id, number } };
  const [row, letter] = await Promise.all([
    prisma.message.findUnique({ where: key, omit: { body: true } }),
    prisma.deadLetter.findFirst({ where: { chatId: chat.id, number }, omit: { body: true } }),
  ]);
  const uid = waiting?.uid ?? row?.uid ?? letter?.uid;
  if (uid === undefined) {
    steps.push({ state: "unknown", text: "No message with this number is pending, stored or a dead letter." });
    return steps;
  }
  const batchId = batchOf(uid);
  const requestId = waiting?.requestId ?? letter?.requestId ?? undefined;
  steps.push({
    state: "accepted",
    at: (waiting?.createdAt ?? letter?.acceptedAt ?? row?.createdAt)?.toISOString(),
    text: `It was numbered and made durable${requestId === undefined ? "" : ` for request ${requestId}`}, in batch ${batchId.toString("base64url")}.`,
    request_id: requestId,
    trace_id: waiting?.trace?.split("-")[1],
    batch: batchId.toString("base64url"),
  });
  if (waiting && !row && !letter) {
    steps.push({ state: "pending", text: "It waits in Redis to be stored; reading shows it already." });
  }
  if (letter) {
    const text = `The database refused it (${letter.reason}): see confabctl dead-letters show ${letter.id}.`;
    steps.push({ state: "dead-lettered", at: letter.createdAt.toISOString(), text });
  }
  if (!row) return steps;
  const batch = await prisma.storedBatch.findUnique({ where: { id: new Uint8Array(batchId) } });
  steps.push({
    state: "stored",
    at: batch?.storedAt.toISOString(),
    text: batch
      ? "It is a row of the database."
      : "It is a row of the database; when it became one is forgotten by now.",
  });
  if (row.deletedAt) {
    steps.push({ state: "deleted", at: row.deletedAt.toISOString(), text: "It was deleted; its number stays taken." });
  } else steps.push(await searchStep(stores, chat.id, number));
  return steps;
}

async function pendingRecord(
  { pending, reasonOf }: TracedStores,
  { token, chat }: ChatPlace,
  number: number,
  steps: MessageStep[],
) {
  try {
    return (await pending.read({ token, number: chat }, [number])).messages.get(number);
  } catch (error) {
    const text = `Redis does not say whether it waits to be stored: ${reasonOf(error)}.`;
    steps.push({ state: "unavailable", text });
    return undefined;
  }
}

/** A message's id is its batch's with its place in the last two bytes. */
function batchOf(uid: Uint8Array): Buffer {
  const id = Buffer.from(uid);
  id.writeUInt16BE(0, 14);
  return id;
}
