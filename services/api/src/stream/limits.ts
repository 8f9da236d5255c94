import { ProblemError } from "@confab/contracts";

/** The kinds of connections that stay open: streams of one chat or of several, and requests that wait for messages. */
export const streamKinds = ["chat", "chats", "wait"] as const;
export type StreamKind = (typeof streamKinds)[number];

/** The limits of the number of open connections. */
export const streamLimits = ["process", "application", "user", "address"] as const;
export type StreamLimit = (typeof streamLimits)[number];

export interface Place {
  readonly kind: StreamKind;
  readonly token: string;
  /** The user whose token was sent. */
  readonly user: string | undefined;
  /** The client's address. */
  readonly address: string;
  /** How many chats are followed. */
  readonly chats: number;
}

export interface StreamPlaces {
  /** Takes a place until the returned function is called; throws 429, or 503 if the process is full. */
  take(place: Place): () => void;
  count(kind: StreamKind): number;
}

export interface StreamPlacesOptions {
  readonly total: number;
  readonly perApplication: number;
  /** The limit of one user of an application. */
  readonly perUser: number;
  readonly perAddress: number;
  /** Called with the limit that is reached. */
  readonly onRefusal?: (limit: StreamLimit) => void;
}

/** Followed chats per place, on average: each costs memory of its own. */
const chatsPerPlace = 20;

/** The open connections of one owner, or of all. */
interface Held {
  readonly places: number;
  readonly chats: number;
}

const nothing: Held = { places: 0, chats: 0 };

/** Limits how many streams and waiting requests this process has open, in all and for each application, user and client address. */
export function createStreamPlaces(options: StreamPlacesOptions): StreamPlaces {
  const { total, perApplication, perUser, perAddress, onRefusal } = options;
  const kinds = new Map<StreamKind, Held>();
  const owners = new Map<string, Held>();
  const all = { ...nothing };

  function refuse(limit: StreamLimit): never {
    onRefusal?.(limit);
    // Not all at the same time.
    const retryAfterSeconds = Math.ceil(1 + 9 * Math.random());
    if (limit === "process") {
      throw new ProblemError("busy", {
        detail:
          "This process already serves as many streams and waiting requests as it may. Connect again after Retry-After; another process may answer.",
        retryAfterSeconds,
      });
    }
    const reasons = {
      application: `The application already has ${open(perApplication)}, as many as it may.`,
      user: `The user already has ${open(perUser)}, as many as one user of the application may (USER_SHARE).`,
      address: `The client address already has ${perAddress} streams and waiting requests open in this process, as many as it may.`,
    };
    throw new ProblemError("rate-limited", {
      detail: `${reasons[limit]} Close some, or follow several chats with one stream, and connect again after Retry-After.`,
      retryAfterSeconds,
    });
  }

  /** An owner that has nothing open may follow whatever fits one stream. */
  function hasRoom({ places, chats }: Held, place: Place, limit: number): boolean {
    return places === 0 || (places < limit && chats + place.chats <= chatsPerPlace * limit);
  }

  function expectRoom(place: Place): void {
    const of = (owner: string): Held => owners.get(owner) ?? nothing;
    const [application, address, user] = ownersOf(place);
    if (!hasRoom(all, place, total)) refuse("process");
    if (!hasRoom(of(application), place, perApplication)) refuse("application");
    if (user !== undefined && !hasRoom(of(user), place, perUser)) refuse("user");
    if (of(address).places >= perAddress) refuse("address");
  }

  function add(place: Place, by: 1 | -1): void {
    all.places += by;
    all.chats += by * place.chats;
    addTo(kinds, place.kind, place, by);
    for (const owner of ownersOf(place)) addTo(owners, owner, place, by);
  }

  return {
    take(place) {
      expectRoom(place);
      add(place, 1);
      let isTaken = true;
      return () => {
        if (isTaken) add(place, -1);
        isTaken = false;
      };
    },
    count: (kind) => kinds.get(kind)?.places ?? 0,
  };
}

const open = (places: number): string =>
  `${places} streams and waiting requests open in this process, or follows ${chatsPerPlace * places} chats with them`;

/** Returns the names of a place's application, address and user, which never equal each other. */
function ownersOf({ token, address, user }: Place): [application: string, address: string, user?: string] {
  return user === undefined ? [token, address] : [token, address, `${token} ${user}`];
}

function addTo<Key>(held: Map<Key, Held>, key: Key, { chats: ofPlace }: Place, by: 1 | -1): void {
  const { places, chats } = held.get(key) ?? nothing;
  if (places + by === 0) held.delete(key);
  else held.set(key, { places: places + by, chats: chats + by * ofPlace });
}
