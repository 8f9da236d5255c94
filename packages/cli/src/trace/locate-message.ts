import type { OpenStores } from "../status/open-stores.ts";
import type { MessageStep } from "./message-step.ts";
import { searchStep } from "./search-step.ts";

type TracedStores = Pick<
  OpenStores,
  | "chats"
  | "messages"
  | "deadLetters"
  | "batches"
  | "outbox"
  | "pending"
  | "search"
  | "reasonOf"
  | "batchIdOf"
  | "acceptedAt"
>;

export interface MessageReference {
  readonly application: string;
  readonly chat: number;
  readonly message: number;
}

/**
 * Finds a message in Redis, MySQL and the index. Returns its steps in the order in which it passes through them. Throws
 * if MySQL is unavailable.
 */
export async function locateMessage(stores: TracedStores, reference: MessageReference): Promise<MessageStep[]> {
  const { application, chat: chatNumber, message: number } = reference;
  const chat = await stores.chats.find(application, chatNumber);
  if (chat === undefined) return [{ state: "unknown", text: "There is no such application, or no such chat in it." }];

  const steps: MessageStep[] = [];
  const record = await pendingRecord(stores, reference, steps);
  const [row, letter] = await Promise.all([
    stores.messages.find(chat.id, number),
    stores.deadLetters.findByNumber(chat.id, number),
  ]);
  const uid = record?.uid ?? row?.uid ?? letter?.uid;
  if (uid === undefined) {
    steps.push({ state: "unknown", text: "No message with this number is pending, stored or dead-lettered." });
    return steps;
  }
  const batchId = stores.batchIdOf(uid);
  const batch = batchId.toString("base64url");
  const requestId = record?.requestId ?? letter?.requestId ?? undefined;
  steps.push({
    state: "accepted",
    at: stores.acceptedAt(uid).toISOString(),
    text: `It was accepted${requestId === undefined ? "" : ` for request ${requestId}`}, in batch ${batch}.`,
    request_id: requestId,
    trace_id: record?.trace?.split("-")[1],
    batch,
  });
  if (record && !row && !letter) {
    steps.push({ state: "pending", text: "It is in Redis and can be read, but a worker has not stored it yet." });
  }
  if (letter) {
    const text = `It could not be stored (${letter.reason}). See confabctl dead-letters show ${letter.id}.`;
    steps.push({ state: "dead-lettered", at: letter.createdAt.toISOString(), text });
  }
  if (!row) return steps;
  const storedAt = await stores.batches.storedAt(batchId);
  const text = `It is a row of the database.${storedAt ? "" : " The time is no longer known."}`;
  steps.push({ state: "stored", at: storedAt?.toISOString(), text });
  if (row.deletedAt) {
    steps.push({ state: "deleted", at: row.deletedAt.toISOString(), text: "It was deleted. Its number stays taken." });
  } else steps.push(await searchStep(stores, chat.id, number));
  return steps;
}

async function pendingRecord(
  { pending, reasonOf }: TracedStores,
  { application: token, chat, message }: MessageReference,
  steps: MessageStep[],
) {
  try {
    return (await pending.read({ token, number: chat }, [message])).messages.get(message);
  } catch (error) {
    const text = `Redis is unavailable, so it is not known whether the message is pending: ${reasonOf(error)}.`;
    steps.push({ state: "unavailable", text });
    return undefined;
  }
}
