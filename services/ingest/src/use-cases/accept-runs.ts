import { hash } from "node:crypto";
import {
  contentOf,
  encodeOtherFields,
  ProblemError,
  type BatchItem,
  type Message,
  type ProblemCode,
} from "@confab/contracts";
import type { Acceptance, Acceptor, PressureGauge, Run, Submission } from "@confab/pending";

export interface AcceptRunsOptions {
  readonly acceptor: Pick<Acceptor, "submitRuns">;
  readonly pressure: Pick<PressureGauge, "current" | "retryAfterSeconds">;
  /** Per partition. */
  readonly maxPending: number;
  readonly partitionOf: (token: string, chat: number) => number;
  /** The headers that say how much of its limit an application has left. */
  readonly limitHeaders: (limit: Acceptance["limit"]) => Record<string, string>;
  /** Translates an error of a store into a problem; returns every other error as it is. */
  readonly toProblem: (error: unknown) => unknown;
  readonly count: CountOutcomes;
}

export interface CountOutcomes {
  readonly accepted: (token: string, messages: number) => void;
  readonly refused: (reason: ProblemCode, messages?: number) => void;
}

export interface AcceptedItem {
  readonly message: Message;
  /** Whether its idempotency key was used before, so that this is the first answer again. */
  readonly replayed: boolean;
  readonly limit: Acceptance["limit"];
}

/** The outcome of a message: accepted, or refused with the problem that says why. */
export type Outcome = AcceptedItem | ProblemError;

/** The request that sent the messages. */
export interface Origin {
  readonly requestId: string;
  /** Its span as a W3C traceparent, if one is recorded. */
  readonly traceparent?: string | undefined;
  /** The user whose token was sent. */
  readonly user?: string | undefined;
}

/** Messages of one chat in their order. */
export type ItemRun = readonly BatchItem[];

/**
 * Accepts runs of different chats, all together at most as many messages as fit a batch of the acceptor. Returns one outcome per
 * message of each run, and throws only an unexpected error.
 */
export type AcceptRuns = (runs: readonly ItemRun[], origin: Origin) => Promise<Outcome[][]>;

/**
 * Accepts messages and counts their outcomes. If the room for pending messages ends within a run, the rest of it is refused.
 * A token that belongs to no application leaves no trace in the metrics.
 */
export function createAcceptRuns(options: AcceptRunsOptions): AcceptRuns {
  const { acceptor, pressure, maxPending, partitionOf, limitHeaders, toProblem, count } = options;

  /** The script decides; this check only saves Redis the messages that it would refuse. */
  function pressureProblem({ application_token: token, chat_number: chat }: BatchItem): ProblemError | undefined {
    const { memory, memoryLow, pendingByPartition } = pressure.current();
    if (memoryLow) {
      const used = `Redis uses ${Math.round(memory * 100)} % of its memory`;
      return overloaded(`${used}, more than this installation's limit (REDIS_MEMORY_LIMIT_RATIO).`);
    }
    const pending = pendingByPartition[partitionOf(token, chat)] ?? 0;
    return pending >= maxPending ? tooManyPending(pending) : undefined;
  }

  const tooManyPending = (pending: number): ProblemError =>
    overloaded(`${pending} messages are pending, as many as this installation's limit allows (MAX_PENDING).`);

  function overloaded(reason: string): ProblemError {
    return new ProblemError("overloaded", {
      detail: `${reason} Nothing was accepted. Send the message again after Retry-After.`,
      retryAfterSeconds: pressure.retryAfterSeconds(),
    });
  }

  function submissionOf(item: BatchItem, { requestId, traceparent: trace, user }: Origin): Submission {
    const { application_token: token, chat_number: chat, idempotency_key: key } = item;
    const idempotency = key === undefined ? undefined : { key, hash: hashOf(item), user };
    const createdAt = item.created_at ?? undefined;
    return { token, chat, ...contentOf(item), requestId, trace, idempotency, user, createdAt };
  }

  /** Throws an unexpected error. */
  function problemOf(error: Error): ProblemError {
    const problem = toProblem(error);
    if (problem instanceof ProblemError) return problem;
    throw error;
  }

  function outcomeOf(item: BatchItem, acceptance: Acceptance): Outcome {
    const { limit } = acceptance;
    switch (acceptance.kind) {
      case "accepted":
        return { message: messageOf(item, acceptance), replayed: acceptance.replayed, limit };
      case "unknown-application":
        return new ProblemError("application-not-found");
      case "unknown-chat":
        return new ProblemError("chat-not-found", {
          detail: `The application has no chat ${item.chat_number}. Create the chat first, or use the number of an existing one.`,
        });
      case "unknown-reply":
        return new ProblemError("validation-failed", {
          errors: [{ pointer: "/reply_to", detail: "must be the number of an earlier message of the chat" }],
        });
      case "conflict":
        return new ProblemError("idempotency-conflict");
      case "overloaded":
        return tooManyPending(acceptance.pending);
      case "limited":
        return new ProblemError("rate-limited", {
          detail: acceptance.ofUser
            ? "The user sends more messages than one user's share of the application's limit (USER_SHARE). Send the message again after Retry-After."
            : "The application sends more messages than its limit allows. Send the message again after Retry-After.",
          retryAfterSeconds: Math.max(1, Math.ceil(acceptance.waitMs / 1000)),
          headers: limitHeaders(limit),
        });
      case "keys-used-up":
        return new ProblemError("idempotency-keys-used-up", {
          detail: `${
            acceptance.ofUser
              ? "The user has used as many new idempotency keys as one user's share of the application's limit (USER_SHARE)"
              : "The application has used as many new idempotency keys as its limit allows"
          }. Use UUIDs of version 7 as keys, which have no such limit, or send the message again after Retry-After. Repetitions, and messages without a key, are accepted.`,
          retryAfterSeconds: Math.min(60, Math.max(1, Math.ceil(acceptance.waitMs / 1000))),
        });
      case "key-open":
        return new ProblemError("outcome-unknown", {
          detail:
            "The idempotency key is minutes old, and messages of that time are not stored yet. So it is unknown whether a message with this key was accepted. Send the message again with the same key after Retry-After.",
          retryAfterSeconds: pressure.retryAfterSeconds(),
        });
      case "failed":
        return problemOf(acceptance.error);
    }
  }

  function countOutcomes(token: string, outcomes: readonly Outcome[]): void {
    let accepted = 0;
    for (const outcome of outcomes) {
      if (outcome instanceof ProblemError) count.refused(outcome.code);
      else accepted += 1;
    }
    if (accepted > 0) count.accepted(token, accepted);
  }

  async function submit(runs: readonly Run[]): Promise<readonly (readonly Acceptance[] | Error)[]> {
    try {
      return await acceptor.submitRuns(runs);
    } catch (error) {
      return runs.map(() => error as Error);
    }
  }

  return async (runs, origin) => {
    const problems = runs.map((run) => pressureProblem(run[0]!));
    const answers = await submit(
      runs.filter((_, at) => problems[at] === undefined).map((run) => run.map((item) => submissionOf(item, origin))),
    );
    let answered = 0;
    let unexpected: Error | undefined;
    const outcomes = runs.map((run, at) => {
      const answer = problems[at] ?? answers[answered++]!;
      if (!(answer instanceof Error)) return answer.map((acceptance, index) => outcomeOf(run[index]!, acceptance));
      const problem = toProblem(answer);
      if (problem instanceof ProblemError) return run.map(() => problem);
      count.refused("internal-error", run.length);
      unexpected = answer;
      return [];
    });
    runs.forEach((run, at) => {
      countOutcomes(run[0]!.application_token, outcomes[at]!);
    });
    if (unexpected) throw unexpected;
    return outcomes;
  };
}

function messageOf(item: BatchItem, { number, createdAt }: { number: number; createdAt: Date }): Message {
  const { body, sender, metadata, reply_to } = contentOf(item);
  const at = (item.created_at ?? createdAt).toISOString();
  // Written out, so that all messages have the same hidden class.
  return {
    application_token: item.application_token,
    chat_number: item.chat_number,
    number,
    body,
    sender,
    metadata,
    reply_to,
    version: 1,
    change_number: null,
    edited_at: null,
    deleted_at: null,
    created_at: at,
    updated_at: at,
  };
}

/**
 * A repetition must have the same content. Application and chat are part of the key. The line break is always there: without it, a body
 * could look like other fields with a body behind them.
 */
function hashOf(item: BatchItem): string {
  const others = encodeOtherFields(item);
  const fields = item.created_at ? `${item.created_at.getTime()} ${others}` : others;
  return hash("sha256", `${fields}\n${item.body}`, "base64url");
}
