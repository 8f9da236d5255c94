export { jsonOf, problemOf, sendRequest, type Answer } from "./answers.ts";
export { openDatabase, type Chat } from "./database.ts";
export {
  connectScripts,
  createTestAcceptor,
  noLimits,
  noReadLimits,
  storePending,
  takePending,
  type TestAcceptor,
} from "./acceptor.ts";
export { asNewer, renamable } from "./newer.ts";
