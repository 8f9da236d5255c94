/** The addresses of everything that is read. No code of Confab is used for reading. */
export interface Endpoints {
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  /** Undefined if MySQL is the search backend. */
  readonly index: { readonly url: string; readonly alias: string } | undefined;
  readonly api: string;
  /** Base URLs of the workers' admin ports. */
  readonly workers: readonly string[];
  /** The chat that was deleted, with the id that it had. */
  readonly doomed: { readonly id: number; readonly token: string; readonly chat: number } | undefined;
  /** Each server that can have keys. */
  readonly redis: readonly string[];
  /** The label of each token. */
  readonly applications: ReadonlyMap<string, string>;
}
