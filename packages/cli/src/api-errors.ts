import type { RefusedItem } from "@confab/contracts";
import { z } from "zod";
import { connectionProblem } from "./connection-problem.ts";
import { CommandError } from "./errors.ts";
import type { Outcome } from "./exit-codes.ts";

const problemSchema = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** Thrown for an error answer. Also describes a refused item of a batch request. */
export class Refused extends CommandError {
  readonly status: number;
  /** Code of the problem, such as `chat-not-found`; undefined if the answer is not from Confab. */
  readonly code: string | undefined;
  /** Time in ms until a retry; undefined if a retry is useless. */
  readonly retryAfterMs: number | undefined;

  private constructor(
    outcome: Outcome,
    message: string,
    answer: { status: number; code: string | undefined; retryAfterMs: number | undefined },
  ) {
    super(outcome, message);
    this.name = "Refused";
    this.status = answer.status;
    this.code = answer.code;
    this.retryAfterMs = answer.retryAfterMs;
  }

  static from(url: string, { status, headers }: Response, text: string): Refused {
    const problem = problemSchema.safeParse(parseProblem(text));
    const code = problem.success ? problem.data.code : undefined;
    const retryAfterMs = isTemporaryStatus(status) ? 1000 * Number(headers.get("Retry-After") ?? 1) || 1000 : undefined;
    const message = problem.success
      ? sentence(status, problem.data)
      : `${url} answered ${status} without a reason. Check that --url or CONFAB_URL is the address of Confab.`;
    return new Refused(outcomeOf(status), message, { status, code, retryAfterMs });
  }

  /** Creates the error for an item that was refused on its own, not with its whole batch. */
  static fromItem(item: RefusedItem): Refused {
    const { status, code } = item;
    const retryAfterMs = isTemporaryStatus(status) ? 0 : undefined;
    return new Refused(outcomeOf(status), sentence(status, item), { status, code, retryAfterMs });
  }
}

/** Thrown if there is no usable answer. */
export class Unreachable extends CommandError {
  /** Time in ms until a retry; undefined if a retry is useless. */
  readonly retryAfterMs: number | undefined;

  private constructor(message: string, retryAfterMs: number | undefined, cause?: unknown) {
    super("unavailable", message, { cause });
    this.name = "Unreachable";
    this.retryAfterMs = retryAfterMs;
  }

  static from(url: string, error: unknown): Unreachable {
    const { message, isTemporary } = connectionProblem(url, error);
    return new Unreachable(message, isTemporary ? 100 : undefined, error);
  }

  static unexpectedAnswer(url: string, why: string): Unreachable {
    const advice = `Check that the URL points to Confab and that confabctl has the same version (confabctl --version).`;
    return new Unreachable(`Unexpected answer from ${url}. ${advice}\n${why}`, undefined);
  }
}

/** Returns whether an error may be temporary: status 429 or 502 to 504, or no usable answer. */
export function isTemporary(error: unknown): error is Refused | Unreachable {
  return error instanceof Unreachable || (error instanceof Refused && error.retryAfterMs !== undefined);
}

function isTemporaryStatus(status: number): boolean {
  return status === 429 || (status >= 502 && status <= 504);
}

function outcomeOf(status: number): Outcome {
  if (status < 500) return "refused";
  return isTemporaryStatus(status) ? "unavailable" : "unexpected";
}

/** Describes a problem for the user. Invalid fields replace the detail, because they say more. */
function sentence(status: number, { code, title, detail, errors = [] }: z.infer<typeof problemSchema>): string {
  const fields = errors.map(({ pointer, detail: fault }) => `${pointer} ${fault}`);
  const why = fields.length > 0 ? [title, ...fields].join("; ") : (detail ?? title);
  const sent = `Confab refused the request: ${why.replace(/[.\s]+$/, "")} (${status} ${code}).`;
  if (status !== 401) return sent;
  return `${sent} confabctl takes a key from CONFAB_KEY or --key-file, and the configured admin key from ADMIN_API_KEY.`;
}

function parseProblem(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
