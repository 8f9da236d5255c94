import { isAddressOrLocalhost } from "@confab/runtime";

export interface HostOptions {
  /** The address that the service listens on. */
  readonly host: string;
  readonly publicUrl: string;
}

/**
 * Returns a check of Host headers that is true for names other than localhost and the host of the public URL. Undefined unless
 * the service listens on a loopback address, because a service that other machines reach may have any name.
 */
export function createForeignHostCheck({
  host,
  publicUrl,
}: HostOptions): ((hostHeader: string | undefined) => boolean) | undefined {
  if (!/^(localhost|127\.[\d.]+|::1)$/i.test(host)) return undefined;
  const publicHost = new URL(publicUrl).hostname;
  // Clients rarely change the header, so most requests cost one comparison.
  let latest: string | undefined;
  return (hostHeader = "") => {
    if (hostHeader === latest) return false;
    const isOwn = isAddressOrLocalhost(hostHeader) || hostHeader.replace(/:\d+$/, "").toLowerCase() === publicHost;
    if (isOwn) latest = hostHeader;
    return !isOwn;
  };
}
