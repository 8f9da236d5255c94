/** The addresses of everything that is read. Reading uses no code of Confab. */
export interface Endpoints {
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  /** The search index; undefined if MySQL is the search backend. */
  readonly index: { readonly url: string; readonly alias: string } | undefined;
  readonly api: string;
  /** Base URLs of the workers' admin ports. */
  readonly workers: readonly string[];
  /** The deleted chat, with its former id. */
  readonly doomed: { readonly id: number; readonly token: string; readonly chat: number } | undefined;
  /** URLs of all servers that may have keys. */
  readonly redis: readonly string[];
  /** The label of each application, by token. */
  readonly applications: ReadonlyMap<string, string>;
}
