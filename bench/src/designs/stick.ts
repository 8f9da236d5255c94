import { Redis } from "ioredis";
import { startProgram, type Design } from "./design.ts";
import type { World } from "../world.ts";

const list = "messages";

/** Returns the design of the Go service, or none if the service could not be built. */
export function sticksOf({ stick }: World): Design[] {
  return stick === undefined ? [] : [createStick(stick)];
}

/**
 * Creates a service that does one LPUSH per message. It has no chats, assigns no numbers, and does not recognize
 * repeated requests.
 */
function createStick(program: string): Design {
  return {
    name: "Go stick",
    startIngest: ({ redisUrl }) => startProgram(program, { REDIS_URL: redisUrl, LIST: list }),
    async readHeld({ redisUrl }, { token }) {
      const redis = new Redis(redisUrl);
      try {
        const messages = await redis.llen(list);
        const newest = (await redis.lindex(list, 0)) ?? "";
        return { messages, faults: newest.includes(token) ? [] : ["the newest message is not one that was sent"] };
      } finally {
        redis.disconnect();
      }
    },
  };
}
