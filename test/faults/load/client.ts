import { fingerprint, type Recorder } from "../history/recorder.ts";
import type { Item, Operation, Outcome } from "../history/lines.ts";
import type { Answer, Http } from "./http.ts";

export interface Application {
  readonly label: string;
  readonly token: string;
  readonly canary: string;
  /** Numbers of the application's chats. */
  readonly chats: readonly number[];
  /** The chat that is deleted during the run. It is not among `chats`. */
  readonly doomed?: number;
}

/** A process that clients can reach. */
export interface Target {
  readonly name: string;
  readonly url: string;
  /**
   * Whether the process reports that it is shutting down. Clients then send new requests to another process, if there
   * is one.
   */
  readonly isDraining: boolean;
}

/** Returns the targets that are not shutting down, or all targets if all of them are. */
export function staying(targets: readonly Target[]): readonly Target[] {
  const left = targets.filter(({ isDraining }) => !isDraining);
  return left.length > 0 ? left : targets;
}

/** A message that a client sends once or repeatedly. */
export interface Letter {
  readonly application: Application;
  readonly chat: number;
  readonly uid: string;
  readonly body: string;
  readonly key?: string | undefined;
  readonly sender?: string | undefined;
}

export interface Client {
  readonly name: string;
  send(via: Target, letter: Letter, attempt: number): Promise<Operation>;
  /** Sends several letters in one request. Resolves with one operation per letter, in the same order. */
  sendBatch(via: Target, letters: readonly Letter[], attempt: number): Promise<Operation[]>;
  /** Replaces the body of a message. */
  edit(via: Target, letter: Letter, number: number, body: string, ifMatch?: number): Promise<Operation>;
  /** Deletes a message. */
  remove(via: Target, letter: Letter, number: number, ifMatch?: number): Promise<Operation>;
  get(via: Target, letter: Letter, number: number): Promise<Operation>;
  list(via: Target, application: Application, chat: number, query: ListQuery): Promise<Operation>;
  /** Searches for a word. `uid` is the message that the search should find. */
  search(via: Target, application: Application, chat: number, word: string, uid?: string): Promise<Operation>;
  count(via: Target, application: Application, chat: number): Promise<Operation>;
  create(via: Target, application: Application, name: string, key?: string): Promise<Operation>;
  /** Deletes a chat. */
  erase(via: Target, application: Application, chat: number): Promise<Operation>;
  /** Erases everything that a sender wrote in an application. */
  eraseSender(via: Target, application: Application, sender: string): Promise<Operation>;
  /** Moves a reader's horizon in a chat. */
  moveHorizon(via: Target, application: Application, chat: number, sender: string, number: number): Promise<Operation>;
}

export interface ListQuery {
  readonly after?: number;
  readonly descending?: boolean;
  readonly limit: number;
}

/** A message as the api returns it. */
export interface MessageBody {
  readonly number: number;
  /** The body; null if the message was deleted. */
  readonly body: string | null;
  readonly version: number;
  readonly change_number: number | null;
}

/** Creates a client that records every request and its answer. */
export function createClient(name: string, http: Http, recorder: Recorder): Client {
  const record = (operation: Omit<Operation, "type" | "client">): Operation => {
    const line: Operation = { type: "op", client: name, ...operation };
    recorder.write(line);
    return line;
  };
  const common = (via: Target, application: Application, chat: number, { t0, t1, status, problem }: Answer) => ({
    via: via.name,
    app: application.label,
    chat,
    t0,
    t1,
    status,
    ...(problem !== undefined && { problem }),
  });
  const read = async (
    ...[op, via, application, chat, path, more]: [
      ...["get" | "list" | "search" | "count", Target, Application, number, string, Partial<Operation>],
    ]
  ): Promise<Operation> => {
    const answer = await http.get(`${via.url}/applications/${application.token}/chats/${chat}${path}`);
    const known = { op, ...common(via, application, chat, answer), ...more };
    if (op === "get" && answer.status === 404) return record({ ...known, outcome: "ok", items: [] });
    if (op === "get" && answer.status === 410)
      return record({ ...known, outcome: "ok", items: [[more.number!, "", ""]] });
    if (answer.status !== 200) return record({ ...known, outcome: "fail" });
    if (op === "count")
      return record({ ...known, outcome: "ok", count: (answer.body as { messages_count: number }).messages_count });
    const items = (op === "get" ? [answer.body] : answer.body) as MessageBody[];
    const next = answer.link.includes('rel="next"');
    return record({ ...known, outcome: "ok", items: items.map(toItem), ...(op === "list" && { more: next }) });
  };

  const change = async (
    ...[op, via, { application, chat, uid }, number, ifMatch, body]: [
      ...["edit" | "remove", Target, Letter, number, number | undefined, string?],
    ]
  ): Promise<Operation> => {
    const url = `${via.url}/applications/${application.token}/chats/${chat}/messages/${number}`;
    // The tag also identifies the message, so it must be read from the api.
    const tag = ifMatch === undefined ? undefined : (await http.get(url)).etag;
    const headers = ifMatch === undefined ? {} : { "if-match": (tag ?? '""').replace(/^"\d+/, `"${ifMatch}`) };
    const answer = body === undefined ? await http.remove(url, headers) : await http.patch(url, { body }, headers);
    const problem = answer.detail.includes("not stored yet") ? stillPending : answer.problem;
    const changed = answer.status === 200 ? (answer.body as MessageBody) : undefined;
    return record({
      op,
      ...common(via, application, chat, { ...answer, problem }),
      outcome: [200, 204].includes(answer.status) ? "ok" : outcomeOf(answer.status, problem),
      uid,
      number,
      ...(body !== undefined && { hash: fingerprint(body).hash }),
      ...(ifMatch !== undefined && { ifMatch }),
      ...(changed && { version: changed.version, change: changed.change_number! }),
    });
  };

  return {
    name,
    edit: (via, letter, number, body, ifMatch) => change("edit", via, letter, number, ifMatch, body),
    remove: (via, letter, number, ifMatch) => change("remove", via, letter, number, ifMatch),
    async send(via, letter, attempt) {
      const { application, chat, uid, body, key, sender } = letter;
      const answer = await http.post(
        `${via.url}/messages`,
        { application_token: application.token, chat_number: chat, body, sender },
        key === undefined ? {} : { "idempotency-key": key },
      );
      return record({
        op: "send",
        ...common(via, application, chat, answer),
        outcome: outcomeOf(answer.status, answer.problem),
        uid,
        hash: fingerprint(body).hash,
        attempt,
        ...(key !== undefined && { key }),
        ...(sender !== undefined && { sender }),
        ...(answer.status === 201 && { number: (answer.body as MessageBody).number }),
      });
    },
    async sendBatch(via, letters, attempt) {
      const answer = await http.post(`${via.url}/messages/batch`, {
        messages: letters.map(({ application, chat, body, key, sender }) => ({
          application_token: application.token,
          chat_number: chat,
          body,
          sender,
          ...(key !== undefined && { idempotency_key: key }),
        })),
      });
      const results = (answer.body as { results?: BatchResult[] } | undefined)?.results;
      return letters.map(({ application, chat, uid, body, key, sender }, index) => {
        const result = results?.[index];
        const status = result?.status ?? answer.status;
        const problem = result === undefined ? answer.problem : result.type?.slice(result.type.lastIndexOf("/") + 1);
        return record({
          op: "send",
          ...common(via, application, chat, { ...answer, status, problem }),
          outcome: outcomeOf(status, problem),
          uid,
          hash: fingerprint(body).hash,
          attempt,
          ...(key !== undefined && { key }),
          ...(sender !== undefined && { sender }),
          ...(result?.number !== undefined && { number: result.number }),
        });
      });
    },
    get: (via, { application, chat, uid }, number) =>
      read("get", via, application, chat, `/messages/${number}`, { number, uid }),
    list: (via, application, chat, { after = 0, descending = false, limit }) =>
      read(
        "list",
        via,
        application,
        chat,
        `/messages?limit=${limit}${descending ? "&order=desc" : `&after=${after}`}`,
        {
          ...(descending ? { descending } : { after }),
        },
      ),
    search: (via, application, chat, word, uid) =>
      read("search", via, application, chat, `/messages/search?q=${encodeURIComponent(word)}`, uid ? { uid } : {}),
    count: (via, application, chat) => read("count", via, application, chat, "", {}),
    async erase(via, application, chat) {
      const answer = await http.remove(`${via.url}/applications/${application.token}/chats/${chat}`);
      const outcome = answer.status === 204 ? "ok" : outcomeOf(answer.status, answer.problem);
      return record({ op: "erase", ...common(via, application, chat, answer), outcome });
    },
    async eraseSender(via, application, sender) {
      const answer = await http.post(`${via.url}/applications/${application.token}/erasures`, { sender });
      const outcome = answer.status === 202 ? "ok" : outcomeOf(answer.status, answer.problem);
      return record({ op: "erase-sender", ...common(via, application, 0, answer), outcome, sender });
    },
    async moveHorizon(via, application, chat, sender, number) {
      const path = `/applications/${application.token}/chats/${chat}/reads/${sender}`;
      const answer = await http.put(via.url + path, { number });
      const outcome = answer.status === 200 ? "ok" : outcomeOf(answer.status, answer.problem);
      const known = { op: "horizon", ...common(via, application, chat, answer), outcome, sender } as const;
      return record({ ...known, number: outcome === "ok" ? (answer.body as MessageBody).number : number });
    },
    async create(via, application, chatName, key) {
      const answer = await http.post(
        `${via.url}/applications/${application.token}/chats`,
        { name: chatName },
        key === undefined ? {} : { "idempotency-key": key },
      );
      return record({
        op: "create",
        ...common(via, application, 0, answer),
        outcome: outcomeOf(answer.status, answer.problem),
        uid: chatName,
        ...(key !== undefined && { key }),
        ...(answer.status === 201 && { number: (answer.body as MessageBody).number }),
      });
    },
  };
}

interface BatchResult {
  readonly status: number;
  readonly type?: string;
  readonly number?: number;
}

/** Marks the answer to a change of a message that was accepted but not stored in time. Nothing was changed. */
export const stillPending = "still-pending";

/**
 * Problems and connection errors after which a request was certainly not accepted. The outcome of any other 5xx is
 * unknown.
 */
const notAccepted = new Set(["overloaded", "storage-unavailable", "rate-limited", "ECONNREFUSED", stillPending]);

function outcomeOf(status: number, problem: string | undefined): Outcome {
  if (status === 201) return "ok";
  return (status >= 400 && status < 500) || notAccepted.has(problem ?? "") ? "fail" : "info";
}

/** Converts a message in an answer to the form that the history uses. */
export function toItem({ number, body, version }: MessageBody): Item {
  if (body === null) return [number, "", "", version];
  const { uid, hash } = fingerprint(body);
  return [number, uid, hash, version];
}
