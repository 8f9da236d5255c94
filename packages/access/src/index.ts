export { createAccess, invalidKey, type Access } from "./access.ts";
export { adoptPublicKey, createKey, type KeyKind, type NewKey } from "./key-format.ts";
export { expectChats, expectUser, mayUse, openChats, type Principal } from "./principal.ts";
