import { damagedReason } from "./dead-letter-messages.ts";
import type { Database } from "./client.ts";

/** The messages of an application that were accepted before a certain epoch. */
export interface EarlierMessages {
  readonly token: string;
  readonly epoch: number;
}

/**
 * Removes the text of damaged dead letters, because their senders are unknown. This affects letters without a known
 * chat, which may belong to any application, and letters among the earlier messages of the given application. Changes
 * at most 1,000 letters of each kind, and returns how many it changed. 0 means that none is left.
 */
export async function clearDamagedLetters({ prisma }: Database, earlier?: EarlierMessages): Promise<number> {
  const unknown = await prisma.$executeRaw`
    UPDATE dead_letters SET body = '', other_fields = NULL
     WHERE chat_id IS NULL AND reason = ${damagedReason} AND LENGTH(body) > 0 LIMIT 1000`;
  if (!earlier) return unknown;
  const { token, epoch } = earlier;
  const known = await prisma.$executeRaw`
    UPDATE dead_letters SET body = '', other_fields = NULL
     WHERE application_token = ${token} AND reason = ${damagedReason} AND LENGTH(body) > 0
       AND (epoch IS NULL OR epoch < ${epoch}) LIMIT 1000`;
  return unknown + known;
}
