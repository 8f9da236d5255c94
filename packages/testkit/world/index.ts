export { jsonOf, problemOf, sendRequest, type Answer } from "./answers.ts";
export { openDatabase, type Chat } from "./database.ts";
export { connectScripts, createTestIntake, noLimits, noReadLimits, storePending, takePending } from "./intake.ts";
export { asNewer, renamable } from "./newer.ts";
