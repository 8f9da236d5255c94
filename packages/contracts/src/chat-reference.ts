/** A chat by its application's token and its number there, as clients name it. */
export interface ChatReference {
  readonly token: string;
  readonly number: number;
}
