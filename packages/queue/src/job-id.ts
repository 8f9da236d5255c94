const prefix = "b-";

/** The id of a batch's job. It must not look like a number, and a batch's id could. */
export function jobIdOf(batchId: string): string {
  return `${prefix}${batchId}`;
}

/** The batch of a job's id; other ids are returned as they are. */
export function batchOf<Id extends string | undefined>(jobId: Id): Id | string {
  return jobId?.startsWith(prefix) === true ? jobId.slice(prefix.length) : jobId;
}
