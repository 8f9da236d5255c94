import type { FieldError, ProblemCode, ProblemError } from "@confab/contracts";

/** RFC 9457, with the extensions that Confab's clients may rely on. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  request_id: string;
  /** Only where the request is part of a trace. */
  trace_id?: string;
  errors?: FieldError[];
}

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** The URI of a problem, which is also the page that explains it. */
export function problemType(publicUrl: string, code: ProblemCode): string {
  return `${publicUrl}/problems/${code}`;
}

/** What a client reads; `instance` is the request's path without its query, absent where no request could be read. */
export function problemDocument(
  problem: Pick<ProblemError, "code" | "title" | "status" | "detail" | "errors">,
  place: { publicUrl: string; requestId: string; traceId?: string | undefined; instance?: string },
): ProblemDocument {
  return {
    type: problemType(place.publicUrl, problem.code),
    title: problem.title,
    status: problem.status,
    ...(problem.detail !== undefined && { detail: problem.detail }),
    ...(place.instance !== undefined && { instance: place.instance }),
    request_id: place.requestId,
    ...(place.traceId !== undefined && { trace_id: place.traceId }),
    ...(problem.errors !== undefined && { errors: problem.errors }),
  };
}
