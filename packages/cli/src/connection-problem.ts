interface ConnectionProblem {
  readonly message: string;
  /** Whether another attempt may succeed without a change of the command line. */
  readonly isTemporary: boolean;
}

const plainAnswer = ["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "EPROTO"];
const untrusted = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];
const otherName = "ERR_TLS_CERT_ALTNAME_INVALID";

/** Says why a request got no answer and what to do, from the error that fetch has thrown. */
export function connectionProblem(url: string, error: unknown): ConnectionProblem {
  const code = codeOf(error);
  const permanent = (message: string): ConnectionProblem => ({ message, isTemporary: false });
  if (code === "ECONNREFUSED") {
    return permanent(
      `Confab does not answer at ${url}. Check that it is running (in a checkout \`make up\` starts it) and that --url or CONFAB_URL is its address.`,
    );
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return permanent(`The host name in ${url} cannot be resolved. Check --url or CONFAB_URL.`);
  }
  if (plainAnswer.includes(code)) {
    return permanent(`The server at ${url} does not use TLS. Use http:// instead of https://.`);
  }
  if (untrusted.includes(code)) {
    return permanent(
      `The certificate of ${url} is not trusted (${code}). Set NODE_EXTRA_CA_CERTS to the file with the certificate of your authority.`,
    );
  }
  if (code === "CERT_HAS_EXPIRED") return permanent(`The certificate of ${url} has expired. Renew it on the server.`);
  if (code === otherName) {
    return permanent(`The certificate of ${url} is for another host name. Use a name that the certificate contains.`);
  }
  const isTimeout = error instanceof Error && error.name === "TimeoutError";
  const reason = isTimeout ? "no answer in time" : code;
  const hint =
    !isTimeout && url.startsWith("http://") ? " If the server requires TLS, use https:// instead of http://." : "";
  return { message: `The connection to Confab at ${url} failed (${reason}). Try again.${hint}`, isTemporary: true };
}

function codeOf(error: unknown): string {
  let reason = String(error);
  for (let link = error; link instanceof Error; link = link.cause) {
    if ("code" in link && typeof link.code === "string") return link.code;
    if (link instanceof AggregateError && link.errors.length > 0) return codeOf(link.errors[0]);
    reason = link.message;
  }
  return reason;
}
