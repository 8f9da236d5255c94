import { Redis } from "ioredis";
import { confab } from "../designs/confab.ts";
import { plain } from "../designs/plain.ts";
import { sticksOf } from "../designs/stick.ts";
import { fillBacklog } from "../load/fill.ts";
import { createTarget, meanBodyBytes } from "../load/messages.ts";
import { withStores, type World } from "../world.ts";
import type { Design } from "../designs/design.ts";
import type { Measured, Row, Settings, Side } from "./row.ts";

const beyondBody = "Redis memory beyond the body, bytes/message";

export const queueMemoryRow: Row = {
  name: "queue-memory",
  title: "Memory of messages that wait in Redis, sent over 64 connections",
  sides: (world) => [...sticksOf(world), confab, plain].map(sideOf),
  goals: [{ title: beyondBody, figure: beyondBody, of: "Confab", better: "lower", pass: 150, aim: 60 }],
};

function sideOf(design: Design): Side {
  return { name: design.name, measure: (world, settings) => measureMemory(world, settings, design) };
}

async function measureMemory(world: World, { seconds }: Settings, design: Design): Promise<Measured> {
  return withStores(world, "always", async (stores) => {
    const target = await createTarget(stores);
    const before = await usedMemory(stores.redisUrl);
    const faults = await fillBacklog(world, design, stores, target, seconds);
    const after = await usedMemory(stores.redisUrl);
    const held = await design.readHeld(stores, target);
    const perMessage = (after - before) / held.messages;
    return {
      figures: {
        [beyondBody]: perMessage - meanBodyBytes(target),
        "Redis memory, bytes/message": perMessage,
        "waiting, messages": held.messages,
      },
      faults: [...faults, ...held.faults],
    };
  });
}

/** Returns the bytes that Redis has allocated. Must be called while no other client is connected. */
async function usedMemory(url: string): Promise<number> {
  const redis = new Redis(url);
  try {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
  } finally {
    redis.disconnect();
  }
}
