import { createUuid7 } from "@confab/runtime/uuid7";
import { randomUUID } from "node:crypto";
import type { ApiClient } from "../api-client.ts";

/** Thrown while a message that was sent does not appear yet. */
export class NotYet extends Error {}

export interface Step {
  readonly name: string;
  /** Runs the step. It can be repeated, because it creates nothing twice. */
  readonly run: () => Promise<void>;
}

/**
 * Returns the steps of a quick verification, in a given or a new application. The signal aborts a request that is in
 * flight.
 */
export function quickSteps(api: ApiClient, signal: AbortSignal, application: string | undefined): Step[] {
  const [applicationKey, chatKey, messageKey] = [randomUUID(), createUuid7(), createUuid7()];
  const word = `verify${randomUUID().replaceAll("-", "")}`;
  const body = `Confab works: ${word}`;
  let token = application ?? "";
  let chat = 0;
  let message = 0;

  const createApplication: Step = {
    name: "create an application",
    run: async () => {
      const created = await api.callOnce("createApplication", {
        body: { name: "confabctl verify" },
        idempotencyKey: applicationKey,
        signal,
      });
      token = created.body.token;
    },
  };
  return [
    ...(application === undefined ? [createApplication] : []),
    {
      name: "create a chat",
      run: async () => {
        const created = await api.callOnce("createChat", { params: { token }, idempotencyKey: chatKey, signal });
        chat = created.body.number;
      },
    },
    {
      name: "send a message",
      run: async () => {
        const sent = await api.callOnce("createMessage", {
          body: { application_token: token, chat_number: chat, body },
          idempotencyKey: messageKey,
          signal,
        });
        message = sent.body.number;
      },
    },
    {
      name: "read the message",
      run: async () => {
        const read = await api.callOnce("getMessage", { params: { token, chat, message }, signal });
        if (read.body.body !== body)
          throw new Error("The message was returned with another body than it was sent with.");
      },
    },
    {
      name: "list the message",
      run: async () => {
        const { body: listed } = await api.callOnce("listMessages", { params: { token, chat }, signal });
        if (!listed.some(({ number }) => number === message)) throw new NotYet("the list does not contain it");
      },
    },
    {
      name: "find the message by search",
      run: async () => {
        const search = { params: { token, chat }, query: { q: word }, signal };
        const { body: found } = await api.callOnce("searchMessages", search);
        if (!found.some(({ number }) => number === message)) throw new NotYet("the search does not find it");
      },
    },
    { name: "count the message", run: () => countStored(api, { token, chat }, signal) },
    { name: "an unknown route answers 404 as problem+json", run: () => unknownRoute(api, signal) },
  ];
}

/** Checks that the chat counts its message. Only stored messages are counted, so this shows that the worker works. */
async function countStored(
  api: ApiClient,
  params: { token: string; chat: number },
  signal: AbortSignal,
): Promise<void> {
  const { body } = await api.callOnce("getChat", { params, signal });
  if (body.messages_count !== 1)
    throw new NotYet(`the chat counts ${body.messages_count} messages. Check that a worker is running`);
}

async function unknownRoute({ url }: ApiClient, signal: AbortSignal): Promise<void> {
  const target = `${url}/no-such-route`;
  const response = await fetch(target, { signal });
  await response.body?.cancel();
  const type = response.headers.get("Content-Type") ?? "no type";
  if (response.status !== 404 || !type.startsWith("application/problem+json")) {
    throw new Error(`GET ${target} answered ${response.status} with ${type}.`);
  }
}
