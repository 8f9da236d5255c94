import type { RefusedItem } from "@confab/contracts";
import { z } from "zod";
import { CommandError } from "./errors.ts";
import type { Outcome } from "./exit-codes.ts";

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** An answer other than success. */
export class Refused extends CommandError {
  readonly status: number;
  /** The problem's code, such as `chat-not-found`; undefined where something else than Confab answered. */
  readonly code: string | undefined;
  /** When the server wants to be asked again; undefined where that is of no use. */
  readonly retryAfterMs: number | undefined;

  private constructor(
    outcome: Outcome,
    message: string,
    facts: { status: number; code: string | undefined; retryAfterMs: number | undefined },
  ) {
    super(outcome, message);
    this.name = "Refused";
    this.status = facts.status;
    this.code = facts.code;
    this.retryAfterMs = facts.retryAfterMs;
  }

  static from(url: string, { status, headers }: Response, text: string): Refused {
    const problem = problemSchema.safeParse(parseProblem(text));
    const code = problem.success ? codeIn(problem.data.type) : undefined;
    const retryAfterMs = isPassing(status) ? 1000 * Number(headers.get("Retry-After") ?? 1) || 1000 : undefined;
    const message = problem.success
      ? sentence(status, codeIn(problem.data.type), problem.data)
      : `${url} answered ${status} without saying why: is that Confab's address (--url)?`;
    return new Refused(outcomeOf(status), message, { status, code, retryAfterMs });
  }

  /** An item of a batch that was refused by itself. */
  static fromItem(item: RefusedItem): Refused {
    const { status } = item;
    const code = codeIn(item.type);
    const retryAfterMs = isPassing(status) ? 0 : undefined;
    return new Refused(outcomeOf(status), sentence(status, code, item), { status, code, retryAfterMs });
  }
}

/** No usable answer. */
export class Unreachable extends CommandError {
  /** Undefined where nobody listens there, so that trying again is of no use to somebody who waits. */
  readonly retryAfterMs: number | undefined;

  private constructor(message: string, retryAfterMs: number | undefined, cause?: unknown) {
    super("unavailable", message, { cause });
    this.name = "Unreachable";
    this.retryAfterMs = retryAfterMs;
  }

  static from(url: string, error: unknown): Unreachable {
    const code = codeOf(error);
    if (code === "ECONNREFUSED") {
      return new Unreachable(
        `Confab does not answer at ${url}: is it running? On this machine \`make up\` starts it.`,
        undefined,
        error,
      );
    }
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
      return new Unreachable(`The host of ${url} is not known: check --url or CONFAB_URL.`, undefined, error);
    }
    const what = error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : code;
    return new Unreachable(`The connection to Confab at ${url} broke (${what}): try again.`, 100, error);
  }

  static strange(url: string, why: string): Unreachable {
    return new Unreachable(
      `${url} answered something that this confabctl does not understand: is that Confab, of the same version?\n${why}`,
      undefined,
    );
  }
}

/** Worth another try: too many requests, or something behind the API is away. */
function isPassing(status: number): boolean {
  return status === 429 || (status >= 502 && status <= 504);
}

function outcomeOf(status: number): Outcome {
  if (status < 500) return "refused";
  return isPassing(status) ? "unavailable" : "unexpected";
}

/** The last part of a problem's type is its code. */
function codeIn(type: string): string {
  return type.slice(type.lastIndexOf("/") + 1);
}

function sentence(status: number, code: string, problem: Pick<RefusedItem, "title" | "detail" | "errors">): string {
  const places = (problem.errors ?? []).map(({ pointer, detail }) => `${pointer} ${detail}`);
  const why = [problem.detail ?? problem.title, ...places].join("; ").replace(/[.\s]+$/, "");
  return `Confab refused this: ${why} (${status} ${code}).`;
}

function codeOf(error: unknown): string {
  for (let link = error; link instanceof Error; link = link.cause) {
    if ("code" in link && typeof link.code === "string") return link.code;
    if (link instanceof AggregateError && link.errors.length > 0) return codeOf(link.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}

function parseProblem(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
