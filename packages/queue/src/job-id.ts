const prefix = "b-";

/** Returns the id of the job that is named after a batch. It must not look like a number, and a batch's id could. */
export function jobIdOf(batchId: string): string {
  return `${prefix}${batchId}`;
}

/** Returns the batch that a job is named after; other ids are returned as they are. */
export function batchOf<Id extends string | undefined>(jobId: Id): Id | string {
  return jobId?.startsWith(prefix) === true ? jobId.slice(prefix.length) : jobId;
}
