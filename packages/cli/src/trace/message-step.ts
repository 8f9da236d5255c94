/** One state of a message, in the order in which a message passes through them. */
export interface MessageStep {
  readonly state:
    | "accepted"
    | "pending"
    | "dead-lettered"
    | "stored"
    | "deleted"
    | "waiting"
    | "searchable"
    | "not searchable"
    | "unavailable"
    | "unknown";
  readonly at?: string | undefined;
  readonly text: string;
  readonly request_id?: string | undefined;
  readonly trace_id?: string | undefined;
  readonly batch?: string | undefined;
}
