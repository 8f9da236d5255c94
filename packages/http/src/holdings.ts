import type { Owner } from "./route-types.ts";

interface Holding {
  bytes: number;
  readonly users: Map<string | undefined, number>;
}

/** The memory that each application and each of its users holds. */
export interface Holdings {
  /** Adds bytes to what the owner holds; a negative number subtracts. */
  add(owner: Owner, bytes: number): void;
  /**
   * Returns the user who holds most in the application that holds most. All keys of an application count as one user.
   * Returns undefined if the asking owner, once it has the bytes, would hold at least as much.
   */
  most(asking: Owner, bytes: number): Owner | undefined;
}

/** Creates empty counts of the bytes held per application and user. */
export function createHoldings(): Holdings {
  const applications = new Map<string, Holding>();

  return {
    add({ token, user }, bytes) {
      const holding = applications.get(token) ?? { bytes: 0, users: new Map<string | undefined, number>() };
      holding.bytes += bytes;
      const ofUser = (holding.users.get(user) ?? 0) + bytes;
      if (ofUser > 0) holding.users.set(user, ofUser);
      else holding.users.delete(user);
      if (holding.bytes > 0) applications.set(token, holding);
      else applications.delete(token);
    },
    most(asking, bytes) {
      const [token, holding] = largest(applications, (each) => each.bytes) ?? [];
      if (token === undefined || holding === undefined) return undefined;
      const [user, ofUser = 0] = largest(holding.users, (each) => each) ?? [];
      const isOwn = token === asking.token;
      const held = isOwn ? holding.users.get(asking.user) : applications.get(asking.token)?.bytes;
      return (isOwn ? ofUser : holding.bytes) > (held ?? 0) + bytes ? { token, user } : undefined;
    },
  };
}

function largest<K, V>(entries: ReadonlyMap<K, V>, sizeOf: (value: V) => number): [K, V] | undefined {
  let found: [K, V] | undefined;
  for (const entry of entries) if (found === undefined || sizeOf(entry[1]) > sizeOf(found[1])) found = entry;
  return found;
}
