/** A chat as clients name it: the token of its application and its number in that application. */
export interface ChatReference {
  readonly token: string;
  readonly number: number;
}
