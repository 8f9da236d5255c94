import { ProblemError } from "@confab/contracts";

/** The kinds of connections that stay open: streams of one chat or of several, and requests that wait for messages. */
export const streamKinds = ["chat", "chats", "wait"] as const;
export type StreamKind = (typeof streamKinds)[number];

/** The limits of the number of open connections. */
export const streamLimits = ["process", "application", "address"] as const;
export type StreamLimit = (typeof streamLimits)[number];

export interface Place {
  kind: StreamKind;
  token: string;
  /** The client's. */
  address: string;
  /** How many chats are followed. */
  chats: number;
}

export interface StreamPlaces {
  /** Takes a place until the returned function is called; throws 429, or 503 if the process is full. */
  take(place: Place): () => void;
  count(kind: StreamKind): number;
}

export interface StreamPlacesOptions {
  total: number;
  perApplication: number;
  perAddress: number;
  /** Called with the limit that is reached. */
  onRefusal?: (limit: StreamLimit) => void;
}

/** Followed chats per place, on average: each costs memory of its own. */
const chatsPerPlace = 20;

/** Limits how many streams and waiting requests this process has open, in all and for each application and client address. */
export function createStreamPlaces(options: StreamPlacesOptions): StreamPlaces {
  const { total, perApplication, perAddress, onRefusal } = options;
  const kinds = new Map<StreamKind, number>();
  const ofToken = new Map<string, number>();
  const ofAddress = new Map<string, number>();
  let places = 0;
  let chats = 0;

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
    const [whose, maximum] =
      limit === "application" ? ["The application", perApplication] : ["The client address", perAddress];
    throw new ProblemError("rate-limited", {
      detail: `${whose} already has ${maximum} streams and waiting requests open in this process, as many as it may. Close some, or follow several chats with one stream, and connect again after Retry-After.`,
      retryAfterSeconds,
    });
  }

  function add(place: Place, by: 1 | -1): void {
    places += by;
    chats += by * place.chats;
    addTo(kinds, place.kind, by);
    addTo(ofToken, place.token, by);
    addTo(ofAddress, place.address, by);
  }

  return {
    take(place) {
      if (places >= total || chats + place.chats > chatsPerPlace * total) refuse("process");
      if ((ofToken.get(place.token) ?? 0) >= perApplication) refuse("application");
      if ((ofAddress.get(place.address) ?? 0) >= perAddress) refuse("address");
      add(place, 1);
      let isTaken = true;
      return () => {
        if (isTaken) add(place, -1);
        isTaken = false;
      };
    },
    count: (kind) => kinds.get(kind) ?? 0,
  };
}

function addTo<Key>(counts: Map<Key, number>, key: Key, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
