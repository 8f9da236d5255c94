import { parse } from "node:querystring";
import { ProblemError } from "@confab/contracts";

/** More than any route has; Node would silently drop parameters beyond the 1,000th. */
const mostParameters = 100;

/** Reads a query string; throws a 400 problem if it has too many parameters, so that none is silently ignored. */
export function parseQueryString(text: string | null | undefined): NodeJS.Dict<string | string[]> {
  const query = text ?? "";
  let count = 1;
  for (let at = query.indexOf("&"); at !== -1; at = query.indexOf("&", at + 1)) {
    count += 1;
    if (count > mostParameters) {
      throw new ProblemError("malformed-request", { detail: `The query has more than ${mostParameters} parameters.` });
    }
  }
  return parse(query);
}
