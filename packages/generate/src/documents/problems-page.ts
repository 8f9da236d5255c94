import { problems, type Problem } from "@confab/contracts";

/** Returns the reference page of all problems, in Markdown. */
export function problemsPage(): string {
  const entries = Object.entries<Problem>(problems);
  const rows = entries.map(([code, { status, title }]) => `| ${status} | [\`${code}\`](#${code}) | ${title} |`);
  const sections = entries.map(
    ([code, { status, title, meaning }]) => `## ${code}\n\n**${status} ${title}.** ${meaning}\n`,
  );
  return `# Problems

Error answers are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) documents of the media type
\`application/problem+json\`:

| member | meaning |
| --- | --- |
| \`code\` | One of the codes below. A code never changes its meaning: decide by it. |
| \`type\` | The address of the page that explains the problem; it ends with the code. |
| \`title\`, \`status\` | A short title and the HTTP status, the same for every problem of this code. |
| \`detail\` | The event, its reason, and the next step. For people: the text may change. |
| \`instance\` | The path of the request. Absent if no request could be read. |
| \`request_id\` | The same as \`X-Request-ID\`. The logs have it; quote it in reports. |
| \`errors\` | With \`validation-failed\`: each invalid field (\`pointer\`) and what it must be (\`detail\`). |

With 429 and 503, \`Retry-After\` is the number of seconds to wait before the next attempt.

| Status | Code | Title |
| --- | --- | --- |
${rows.join("\n")}

${sections.join("\n")}`;
}
