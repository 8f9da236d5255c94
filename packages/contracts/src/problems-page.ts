import { problems, type Problem } from "./problems.ts";

/** The reference page of all problems, in Markdown. */
export function problemsPage(): string {
  const entries = Object.entries<Problem>(problems);
  const rows = entries.map(([code, { status, title }]) => `| ${status} | [\`${code}\`](#${code}) | ${title} |`);
  const sections = entries.map(
    ([code, { status, title, meaning }]) => `## ${code}\n\n**${status} ${title}.** ${meaning}\n`,
  );
  return `# Problems

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) documents, \`application/problem+json\`: \`type\` ends in one of
these codes, which never change their meaning, \`request_id\` finds the request in the logs, and \`errors\` lists the places
that are wrong. 429 and 503 say in \`Retry-After\` how many seconds to wait.

| Status | Code | Title |
| --- | --- | --- |
${rows.join("\n")}

${sections.join("\n")}`;
}
