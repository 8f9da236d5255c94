import { createRandomPool } from "@confab/runtime";

const bytes = 16;
const randomAt = 6;
const positionAt = 14;

const randomBytes = createRandomPool(positionAt - randomAt);

/**
 * Creates a batch id. It consists of 48 bits of time, so that the table of stored batches grows at its end, 64 random
 * bits, and 16 zero bits for the positions of its messages.
 */
export function createBatchId(now: number): Buffer {
  const id = Buffer.alloc(bytes);
  id.writeUIntBE(now, 0, randomAt);
  id.set(randomBytes(), randomAt);
  return id;
}

/** Returns the unique id of the message at a position (0…65,535) in a batch. */
export function messageUid(batchId: Buffer, position: number): Buffer {
  const uid = Buffer.from(batchId);
  uid.writeUInt16BE(position, positionAt);
  return uid;
}

/** Returns the id of the batch in which a message was first sent. */
export function batchIdOf(uid: Uint8Array): Buffer {
  return messageUid(Buffer.from(uid), 0);
}

/** Returns the time at which a message was accepted, whatever its `created_at` is. */
export function acceptedAt(uid: Uint8Array): Date {
  return timeOf(Buffer.from(uid));
}

/** Returns the time at which a batch was sent, by the clock of the sending process. */
export function timeOf(batchId: Buffer): Date {
  return new Date(batchId.readUIntBE(0, randomAt));
}
