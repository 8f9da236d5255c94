import { expectChats, expectUser } from "@confab/access";
import { ProblemError, routes, streamPositionSchema } from "@confab/contracts";
import { createRouter, mount, mountStream, type MountOptions } from "@confab/http";
import type { LiveSignals } from "@confab/pending";
import type { Router } from "express";
import { decodeCursor } from "../stream/cursor.ts";
import type { Streams } from "../stream/streams.ts";
import type { BeginStream } from "../stream/begin-stream.ts";
import type { FindChat } from "../reading/find-chat.ts";
import type { StreamPosition } from "../stream/position.ts";

export interface StreamRoutesOptions {
  readonly findChat: FindChat;
  readonly beginStream: BeginStream;
  readonly streams: Pick<Streams, "follow">;
  readonly signals: Pick<LiveSignals, "send">;
  readonly mountOptions: MountOptions;
}

const header = "Last-Event-ID";

/** Creates the routes of live streams, of one chat and of several, and of the signals that they show. */
export function createStreamRoutes(options: StreamRoutesOptions): Router {
  const { findChat, beginStream, streams, signals, mountOptions } = options;
  const router = createRouter();

  mountStream(
    router,
    routes.streamMessages,
    async ({ params, query, lastEventId, address, context, start }) => {
      const { token, chat } = params;
      const given = readPosition(lastEventId ?? query.after);
      const starts = await beginStream(
        token,
        [chat],
        () => given,
        () => context.logger,
      );
      streams.follow({ token, address, starts, isOfMany: false, context, start });
    },
    mountOptions,
  );

  mountStream(
    router,
    routes.streamChats,
    async ({ params: { token }, query, lastEventId, address, context, start }) => {
      expectChats(context.principal, routes.streamChats.scopes, query.chats);
      const given = readCursor(token, query.chats, lastEventId, query.after);
      const starts = await beginStream(token, query.chats, given, () => context.logger);
      streams.follow({ token, address, starts, isOfMany: true, context, start });
    },
    mountOptions,
  );

  mount(
    router,
    routes.sendSignal,
    async ({ params: { token, chat: number }, body: { sender: given, type: name, data }, context }) => {
      const sender = given ?? context.principal?.user?.id;
      if (sender === undefined) {
        throw new ProblemError("validation-failed", { errors: [{ pointer: "/sender", detail: "is required" }] });
      }
      expectUser(context.principal, sender, "the sender");
      await findChat(token, number);
      await signals
        .send({ token, number }, { type: "signal", sender, name, data: data?.text ?? null })
        .catch((error: unknown) => {
          throw new ProblemError("service-unavailable", {
            detail:
              "Redis, which carries signals, is unavailable. Nothing was sent. A signal is only of use now: do not repeat it for long.",
            cause: error,
          });
        });
      return { body: undefined };
    },
    mountOptions,
  );
  return router;
}

/**
 * Returns the position of an event's id, or undefined if none is given. A browser sends back what it received, so a bad
 * header is a bug.
 */
function readPosition(id: string | undefined): StreamPosition | undefined {
  if (id === undefined) return undefined;
  if (!streamPositionSchema.safeParse(id).success) {
    throw new ProblemError("validation-failed", {
      errors: [{ pointer: header, detail: "must be the id of an event of this stream" }],
    });
  }
  const [number = "", numbering = "0"] = id.split(".");
  const [message, change = "0"] = number.split("-");
  return { number: Number(message), change: Number(change), numbering: Number(numbering) };
}

/**
 * Returns the positions of an event's id. A chat that it does not have begins now; without any of the chats it is a
 * mistake.
 */
function readCursor(
  token: string,
  chats: readonly number[],
  lastEventId: string | undefined,
  after: string | undefined,
): (chat: number) => StreamPosition | undefined {
  const cursor = lastEventId ?? after;
  if (cursor === undefined) return () => undefined;
  if (cursor === "0") return () => ({ number: 0, change: 0, numbering: 0 });
  const pointer = lastEventId === undefined ? "?after" : header;
  const positions = decodeCursor(token, cursor, pointer);
  if (!chats.some((chat) => positions.has(chat))) {
    throw new ProblemError("validation-failed", {
      detail: `The position belongs to a stream of other chats: it has none of those in chats. Send a position of a stream that has at least one of them, or none to begin now.`,
      errors: [{ pointer, detail: "must have the position of at least one of the chats" }],
    });
  }
  return (chat) => positions.get(chat);
}
