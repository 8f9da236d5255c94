import type { Request } from "express";
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

/**
 * Returns the client's address for use in limits. Behind proxies that the app trusts (Express' setting `trust proxy`),
 * it is the address that the outermost trusted proxy saw. An IPv6 address stands for its network of 64 bits, which
 * usually belongs to one client.
 */
export function clientAddress(req: IncomingMessage | Pick<Request, "ip">): string {
  // Node creates requests with Express' prototype, so `ip` works even before Express handles them.
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
