import { parse } from "node:querystring";
import { ProblemError } from "@confab/contracts";

/**
 * Maximum number of parameters, which is more than any route has. Node would silently drop the parameters after the
 * 1,000th.
 */
const maxParameters = 100;

/** Parses a query string. Throws a 400 problem if it has too many parameters or an invalid percent-encoding. */
export function parseQueryString(text: string | null | undefined): NodeJS.Dict<string | string[]> {
  const query = text ?? "";
  let count = 1;
  for (let at = query.indexOf("&"); at !== -1; at = query.indexOf("&", at + 1)) {
    count += 1;
    if (count > maxParameters) {
      throw malformed(
        `The query has more than ${maxParameters} parameters. Remove those that the route does not have.`,
      );
    }
  }
  if (query.includes("%") && !isDecodable(query)) {
    throw malformed(
      "The query has an invalid percent-encoding. Encode each byte of UTF-8 as % and two hexadecimal digits, and % itself as %25.",
    );
  }
  return parse(query);
}

/**
 * Returns whether the percent-encoding is valid and encodes UTF-8. `parse` would replace other bytes, and the route
 * would receive a text that the client did not send.
 */
function isDecodable(query: string): boolean {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}

function malformed(detail: string): ProblemError {
  return new ProblemError("malformed-request", { detail });
}
