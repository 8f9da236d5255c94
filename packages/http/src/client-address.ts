import type { Request } from "express";
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

/**
 * Returns the address of the client, for limits: behind as many proxies as the app trusts (Express' setting `trust
 * proxy`), the one that the outermost of them saw. An IPv6 address stands for its network of 64 bits, which usually
 * belongs to one client.
 */
export function clientAddress(req: IncomingMessage | Pick<Request, "ip">): string {
  // Requests have Express' prototype before Express sees them.
  const { ip = "" } = req as Pick<Request, "ip">;
  const address = ip.replace(/^::ffff:(?=\d+\.)/, "");
  if (!isIPv6(address)) return address;
  const [left = "", right] = address.replace(/%.*$/, "").split("::");
  const before = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? [] : right.split(":");
  const missing = right === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
