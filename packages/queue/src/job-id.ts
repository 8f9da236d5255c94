const prefix = "b-";

/** Returns the id of the job named after a batch. A job id must not look like a number, but a batch id could. */
export function jobIdOf(batchId: string): string {
  return `${prefix}${batchId}`;
}

/** Returns the batch after which a job is named. Returns any other id unchanged. */
export function batchOf<Id extends string | undefined>(jobId: Id): Id | string {
  return jobId?.startsWith(prefix) === true ? jobId.slice(prefix.length) : jobId;
}
