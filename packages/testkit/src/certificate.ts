import { execFile } from "node:child_process";
import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { promisify } from "node:util";

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /**
   * Makes this process trust the certificate, as if it had been started with `NODE_EXTRA_CA_CERTS`. Returns a function
   * that undoes this.
   */
  readonly trust: () => () => void;
}

/** Creates a self-signed certificate for `localhost` with openssl. No process trusts the certificate yet. */
export async function createCertificate(dir: string): Promise<Certificate> {
  const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await promisify(execFile)("openssl", ["req", "-x509", ...key, ...subject, "-keyout", keyFile, "-out", certFile]);
  // The server may run as another user, which must be able to read the key. Only the test uses the folder.
  await chmod(keyFile, 0o644);
  const certificate = await readFile(certFile, "utf8");
  return {
    certFile,
    keyFile,
    trust() {
      const before = getCACertificates("default");
      setDefaultCACertificates([...before, certificate]);
      return () => {
        setDefaultCACertificates(before);
      };
    },
  };
}
