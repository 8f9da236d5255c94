import { setTimeout as pause } from "node:timers/promises";
import { staying, type Application, type Client, type Target } from "./client.ts";
import type { Acknowledged } from "./recent.ts";
import type { Random } from "./random.ts";

export interface Reader {
  readonly client: Client;
  readonly random: Random;
  readonly applications: readonly Application[];
  readonly targets: readonly Target[];
  readonly signal: AbortSignal;
  /** Returns a recently acknowledged message, or undefined until there is one. */
  readonly recent: () => Acknowledged | undefined;
}

/** Reads a chat from its beginning with `after`, and then polls for new messages. */
export async function poll(reader: Reader, application: Application, chat: number): Promise<void> {
  const { client, random, targets, signal } = reader;
  for (let after = 0; !signal.aborted;) {
    const page = await client.list(random.pick(staying(targets)), application, chat, { after, limit: 100 });
    // If some of the reader's messages were lost, it begins again.
    after = page.problem === "position-reset" ? 0 : (page.items?.at(-1)?.[0] ?? after);
    if (page.status === 404) await pause(random.between(400, 800));
    await pause(random.between(80, 200));
  }
}

/** Reads the newest messages of chats, single messages that were just acknowledged, and the counts. */
export async function readRecent({ client, random, applications, targets, signal, recent }: Reader): Promise<void> {
  while (!signal.aborted) {
    const application = random.pick(applications);
    const chat = random.pick(application.chats);
    const target = random.pick(staying(targets));
    const latest = recent();
    const choice = random.next();
    if (choice < 0.5 && latest) await client.get(target, latest.letter, latest.number);
    else if (choice < 0.7) await client.list(target, application, chat, { descending: true, limit: 20 });
    else await client.count(target, application, chat);
    await pause(random.between(15, 60));
  }
}

/** Searches for a recently acknowledged message until it is found, and for the secret words of other applications. */
export async function searchRecent({ client, random, applications, targets, signal, recent }: Reader): Promise<void> {
  const isOver = () => signal.aborted;
  while (!isOver()) {
    const latest = recent();
    if (latest) {
      const { application, chat, uid } = latest.letter;
      for (let tries = 0; tries < 60 && !isOver(); tries += 1) {
        const found = await client.search(random.pick(staying(targets)), application, chat, uid, uid);
        // A deleted message is searched for one more time after its deletion.
        if ((found.items ?? []).length > 0 || latest.isRemoved || found.status === 404) break;
        await pause(150);
      }
      const other = random.pick(applications);
      if (other !== application) await client.search(random.pick(staying(targets)), application, chat, other.canary);
    }
    await pause(random.between(50, 150));
  }
}
