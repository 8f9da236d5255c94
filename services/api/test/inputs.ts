import type { routes } from "@confab/contracts";

/** A valid body or query for each route that needs one. */
export const inputs: Partial<Record<keyof typeof routes, { body?: unknown; query?: string }>> = {
  createApplication: { body: { name: "a" } },
  updateApplication: { body: { name: "a" } },
  replaceApplication: { body: { name: "a" } },
  eraseSender: { body: { sender: "anna" } },
  searchApplication: { query: "?q=one" },
  countHits: { query: "?q=one" },
  createChat: { body: {} },
  updateChat: { body: { name: "a" } },
  replaceChat: { body: { name: "a" } },
  setReadHorizon: { body: { number: 1 } },
  listUnreadChats: { query: "?reader=anna" },
  updateMessage: { body: { body: "edited" } },
  replaceMessage: { body: { body: "edited" } },
  searchMessages: { query: "?q=one" },
  streamChats: { query: "?chats=1" },
  sendSignal: { body: { sender: "anna", type: "typing" } },
  createKey: { body: { name: "a", scopes: ["read"] } },
  uploadKey: {
    body: {
      name: "a",
      scopes: ["read"],
      public_key: { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
    },
  },
  createAdminKey: { body: { name: "a", scopes: ["read"] } },
};
