import { isAddressOrLocalhost } from "@confab/runtime";

export interface HostOptions {
  /** The address that the service listens on. */
  readonly host: string;
  readonly publicUrl: string;
}

/**
 * Returns a function that returns true for a Host header that names neither an IP address, localhost nor the host of
 * the public URL. Returns undefined unless the service listens on a loopback address, because a service that other
 * machines can reach may have any name.
 */
export function createForeignHostCheck({
  host,
  publicUrl,
}: HostOptions): ((hostHeader: string | undefined) => boolean) | undefined {
  if (!/^(localhost|127\.[\d.]+|::1)$/i.test(host)) return undefined;
  const publicHost = new URL(publicUrl).hostname;
  // The latest accepted header. Clients rarely change theirs, so most requests need only one comparison.
  let latest: string | undefined;
  return (hostHeader = "") => {
    if (hostHeader === latest) return false;
    const isOwn = isAddressOrLocalhost(hostHeader) || hostHeader.replace(/:\d+$/, "").toLowerCase() === publicHost;
    if (isOwn) latest = hostHeader;
    return !isOwn;
  };
}
