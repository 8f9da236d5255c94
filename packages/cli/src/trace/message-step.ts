/** One of the states through which a message passes. */
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
