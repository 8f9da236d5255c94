import { isIP } from "node:net";

/**
 * Returns whether a Host header is an IP address or localhost. A web page can make its own host name resolve to this
 * machine and then send requests here (DNS rebinding), but its host name still appears in the Host header.
 */
export function isAddressOrLocalhost(hostHeader = ""): boolean {
  const host = hostHeader.replace(/:\d+$/, "");
  const isAddress = isIP(host) !== 0 || (host.startsWith("[") && isIP(host.slice(1, -1)) === 6);
  return isAddress || host.toLowerCase() === "localhost";
}
