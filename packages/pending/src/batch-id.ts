import { createRandomPool } from "@confab/runtime";

const bytes = 16;
const randomAt = 6;
const positionAt = 14;

const randomBytes = createRandomPool(positionAt - randomAt);

/**
 * Creates a batch id: 48 bits of time, so that the table of stored batches grows at its end, 64 random bits, and 16
 * zero bits for the positions of its messages.
 */
export function createBatchId(now: number): Buffer {
  const id = Buffer.alloc(bytes);
  id.writeUIntBE(now, 0, randomAt);
  id.set(randomBytes(), randomAt);
  return id;
}

/** Returns the unique id of the message at a position (0…65,535) of a batch. */
export function messageUid(batchId: Buffer, position: number): Buffer {
  const uid = Buffer.from(batchId);
  uid.writeUInt16BE(position, positionAt);
  return uid;
}

/** Returns the id of the batch that a message belongs to. */
export function batchIdOf(uid: Uint8Array): Buffer {
  return messageUid(Buffer.from(uid), 0);
}

/** Returns when a message was accepted, whatever its `created_at` is. */
export function acceptedAt(uid: Uint8Array): Date {
  return timeOf(Buffer.from(uid));
}

/** Returns when a batch was sent, by the clock of the process that sent it. */
export function timeOf(batchId: Buffer): Date {
  return new Date(batchId.readUIntBE(0, randomAt));
}
