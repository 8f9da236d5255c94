/** An error whose message is a sentence for the person at the terminal; shown without a stack trace. */
export class LocalError extends Error {
  override readonly name = "LocalError";
}
