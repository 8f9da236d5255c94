export { createAccess, invalidKey, type Access } from "./access.ts";
export { createKey, type KeyKind, type NewKey } from "./key-format.ts";
export { mayUse, type Principal } from "./principal.ts";
