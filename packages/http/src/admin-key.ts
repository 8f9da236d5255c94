import { ProblemError } from "@confab/contracts";
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

const CHALLENGE = { "WWW-Authenticate": 'Bearer realm="confab"' };

/** Checks `Authorization: Bearer <key>` in constant time: 401 without a key, 403 with a wrong one. */
export function createAdminCheck(adminKey: string): (req: IncomingMessage) => void {
  const expected = digest(adminKey);
  return (req) => {
    const given = /^bearer +(\S+)$/i.exec(req.headers.authorization ?? "")?.[1];
    if (given === undefined) throw new ProblemError("unauthorized", { headers: CHALLENGE });
    if (!timingSafeEqual(digest(given), expected)) throw new ProblemError("forbidden");
  };
}

/** timingSafeEqual requires equal lengths. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
