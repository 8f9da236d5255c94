import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { ApiClient } from "../api-client.ts";
import { Refused, Unreachable } from "../api-errors.ts";
import { duration, toolsOf } from "../command-tools.ts";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";
import { withTimeout } from "../retry-until.ts";

/** `smoke [--application TOKEN] [--timeout 1m]`. */
export function addSmokeCommand(program: Command, io: Io): void {
  program
    .command("smoke")
    .description("see that an installation works: create, send, read, list and search; what it creates stays")
    .option("--application <token>", "use this application instead of creating one")
    .option("--timeout <duration>", "how long all of it may take, a start of the services included", duration, 60_000)
    .action(async ({ application, timeout }: { application?: string; timeout: number }, command: Command) => {
      const { api, output } = toolsOf(io, command);
      const deadline = performance.now() + timeout;
      for (const { name, run } of smokeSteps(api, application)) {
        const began = performance.now();
        const onWait = (reason: string): void => {
          output.note(`waiting: ${name}: ${reason}`);
        };
        const patience = { withinMs: Math.max(0, deadline - began), reasonToWait, onWait };
        try {
          await withTimeout(patience, run);
        } catch (error) {
          output.item({ step: name, ok: false }, () => `FAILED  ${name}`);
          throw new CommandError("unexpected", error instanceof Error ? error.message : String(error), {
            cause: error,
          });
        }
        const ms = Math.round(performance.now() - began);
        output.item({ step: name, ok: true, ms }, () => `ok      ${name} (${ms} ms)`);
      }
    });
}

/** What was sent does not show yet. */
class NotYet extends Error {}

interface Step {
  readonly name: string;
  readonly run: () => Promise<void>;
}

function smokeSteps(api: ApiClient, application: string | undefined): Step[] {
  // A repeated attempt must not create a second one.
  const [applicationKey, chatKey, messageKey] = [randomUUID(), randomUUID(), randomUUID()];
  const word = `smoke${randomUUID().replaceAll("-", "")}`;
  const body = `Confab works: ${word}`;
  let token = application ?? "";
  let chat = 0;
  let message = 0;

  const createApplication: Step = {
    name: "create an application",
    run: async () => {
      const created = await api.callOnce("createApplication", {
        body: { name: "confabctl smoke" },
        idempotencyKey: applicationKey,
      });
      token = created.body.token;
    },
  };
  return [
    ...(application === undefined ? [createApplication] : []),
    {
      name: "create a chat",
      run: async () => {
        const created = await api.callOnce("createChat", { params: { token }, idempotencyKey: chatKey });
        chat = created.body.number;
      },
    },
    {
      name: "send a message",
      run: async () => {
        const sent = await api.callOnce("createMessage", {
          body: { application_token: token, chat_number: chat, body },
          idempotencyKey: messageKey,
        });
        message = sent.body.number;
      },
    },
    {
      name: "read the message",
      run: async () => {
        const read = await api.callOnce("getMessage", { params: { token, chat, message } });
        if (read.body.body !== body) throw new Error("The message was read with another body than it was sent with.");
      },
    },
    {
      name: "list the message",
      run: async () => {
        const { body: listed } = await api.callOnce("listMessages", { params: { token, chat } });
        if (!listed.some(({ number }) => number === message)) throw new NotYet("the list does not have it");
      },
    },
    {
      name: "find the message by search",
      run: async () => {
        const { body: found } = await api.callOnce("searchMessages", { params: { token, chat }, query: { q: word } });
        if (!found.some(({ number }) => number === message)) throw new NotYet("the search does not find it");
      },
    },
    { name: "count the message", run: () => countStored(api, { token, chat }) },
    { name: "an unknown route answers 404 as problem+json", run: () => unknownRoute(api) },
  ];
}

/** Only what is stored is counted: this tells that the worker works. */
async function countStored(api: ApiClient, params: { token: string; chat: number }): Promise<void> {
  const { body } = await api.callOnce("getChat", { params });
  if (body.messages_count !== 1)
    throw new NotYet(`the chat counts ${body.messages_count} messages: is a worker running?`);
}

async function unknownRoute({ url }: ApiClient): Promise<void> {
  const target = `${url}/no-such-route`;
  const response = await fetch(target, { signal: AbortSignal.timeout(10_000) });
  await response.body?.cancel();
  const type = response.headers.get("Content-Type") ?? "no type";
  if (response.status !== 404 || !type.startsWith("application/problem+json")) {
    throw new Error(`GET ${target} answered ${response.status} with ${type}.`);
  }
}

/** Whatever may pass while an installation starts; a name that is not known yet or an ingress without pods among it. */
function reasonToWait(error: unknown): string | undefined {
  if (error instanceof NotYet || error instanceof Unreachable) return error.message;
  return error instanceof Refused && error.retryAfterMs !== undefined ? error.message : undefined;
}
