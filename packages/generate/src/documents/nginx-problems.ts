import { problemDocument, problemMediaType, ProblemError, routes, type ProblemCode } from "@confab/contracts";

interface OwnAnswer {
  /** The location that the configuration's error_page names. */
  readonly location: string;
  readonly code: ProblemCode;
  /** A more precise detail than the catalogue has. */
  readonly detail?: string;
  readonly headers?: Record<string, string>;
}

const methods = new Set(["HEAD", "OPTIONS", ...Object.values(routes).map(({ method }) => method.toUpperCase())]);

const answers: readonly OwnAnswer[] = [
  {
    location: "@rate-limited",
    code: "rate-limited",
    detail:
      "This client address sends more requests per second than its limit allows. Wait for the seconds in Retry-After. To send many messages, use POST /messages/batch.",
    headers: { "Retry-After": "1", RateLimit: `'"address";r=0;t=1'` },
  },
  {
    location: "@misdirected",
    code: "misdirected-request",
    detail: "Confab does not serve this host name. Use localhost, or set PUBLIC_URL to the address that clients use.",
  },
  {
    location: "@too-large",
    code: "payload-too-large",
    detail: "The body is larger than 8 MiB. Split it into several requests.",
  },
  { location: "@unavailable", code: "service-unavailable", headers: { "Retry-After": "1" } },
  { location: "= /.confab/malformed", code: "malformed-request" },
  {
    location: "= /.confab/method",
    code: "method-not-allowed",
    detail: "No path supports this method. The Allow header lists the methods that Confab supports.",
    headers: { Allow: `"${[...methods].sort().join(", ")}"` },
  },
  {
    location: "= /.confab/headers",
    code: "headers-too-large",
    detail: "The path or a header is larger than 8 KiB. Shorten it.",
  },
  { location: "= /.confab/encoding", code: "unknown-transfer-encoding" },
];

/**
 * Returns the part of nginx's configuration for the answers that nginx gives by itself: they look like those of the
 * services.
 */
export function nginxProblems(): string {
  const locations = answers.map((answer) => locationOf(answer));
  return `# Generated from packages/generate by \`make generate\`: nginx's own answers, as problem documents.
${locations.join("\n")}`;
}

function locationOf({ location, code, detail, headers = {} }: OwnAnswer): string {
  const { status, ...problem } = new ProblemError(code, detail === undefined ? {} : { detail });
  const isNamed = location.startsWith("@");
  const all = {
    ...headers,
    "X-Request-ID": "$confab_request_id",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "$confab_cors_origin",
    "Access-Control-Expose-Headers": "$confab_cors_exposed",
    Vary: "$confab_cors_vary",
  };
  return `location ${location} {
${isNamed ? "" : "  internal;\n"}  default_type ${problemMediaType};
  add_header Cache-Control "private, no-store" always;
${Object.entries(all)
  .map(([name, value]) => `  add_header ${name} ${value} always;\n`)
  .join("")}  return ${status} '${documentOf(problem)}';
}
`;
}

/** Returns a JSON document in which nginx fills in what it knows of the request. */
function documentOf(problem: Pick<ProblemError, "code" | "detail" | "errors" | "members">): string {
  const place = { publicUrl: "$confab_public_url", requestId: "$confab_request_id" };
  const { request_id, ...document } = problemDocument(problem, place);
  const text = JSON.stringify(document).replace(/\}$/, `$confab_instance,"request_id":"${request_id}"}`);
  if (text.includes("'"))
    throw new Error(`nginx's configuration quotes with ', so this text may not have one: ${text}`);
  return text;
}
