import { setTimeout as pause } from "node:timers/promises";
import { createClient, type Application, type Letter, type Target } from "./client.ts";
import { createHttp } from "./http.ts";
import type { ProbeLine } from "../history/lines.ts";
import type { Recorder } from "../history/recorder.ts";

export interface Probing {
  readonly recorder: Recorder;
  readonly application: Application;
  readonly ingest: readonly Target[];
  readonly api: readonly Target[];
  /** Returns whether MySQL has the message. */
  readonly isStored: (uid: string) => Promise<boolean>;
  readonly label: string;
}

const timeoutMs = 31_000;

/** Sends a message through each ingest process, and waits until each api can read it and find it with a search. */
export async function probe(probing: Probing): Promise<void> {
  const { recorder, application, ingest, api, label } = probing;
  const http = createHttp(() => recorder.now());
  const probeOne = async (via: Target): Promise<void> => {
    const client = createClient(`probe-${via.name}`, http, recorder);
    const chat = application.chats[0]!;
    const uid = `${application.label}.${chat}.probe-${via.name}.${label}`;
    const letter: Letter = { application, chat, uid, body: `${uid} ${application.canary}`, key: uid };
    const at = recorder.now();
    const elapsed = () => Math.round((recorder.now() - at) / 1e6);
    const until = async (isDone: (attempt: number) => Promise<boolean>): Promise<number | undefined> => {
      for (let attempt = 1; elapsed() < timeoutMs; attempt += 1) {
        if (await isDone(attempt).catch(() => false)) return elapsed();
        await pause(100);
      }
      return undefined;
    };
    let number = 0;
    const acceptedMs = await until(async (attempt) => {
      const sent = await client.send(via, letter, attempt);
      number = sent.number ?? 0;
      return sent.outcome === "ok";
    });
    const readableMs: Record<string, number> = {};
    const searchableMs: Record<string, number> = {};
    const ofEach = (into: Record<string, number>, isDone: (target: Target) => Promise<boolean>) =>
      api.map(async (target) => {
        const ms = acceptedMs === undefined ? undefined : await until(() => isDone(target));
        if (ms !== undefined) into[target.name] = ms;
      });
    const storing = acceptedMs === undefined ? undefined : until(() => probing.isStored(uid));
    await Promise.all([
      ...ofEach(readableMs, async (target) => (await client.get(target, letter, number)).items?.[0]?.[1] === uid),
      ...ofEach(searchableMs, async (target) => {
        const found = await client.search(target, application, chat, uid, uid);
        return found.items?.some((item) => item[1] === uid) === true;
      }),
    ]);
    const storedMs = await storing;
    const line: ProbeLine = {
      type: "probe",
      at,
      ingest: via.name,
      uid,
      readableMs,
      searchableMs,
      ...(acceptedMs !== undefined && { acceptedMs }),
      ...(storedMs !== undefined && { storedMs }),
    };
    recorder.write(line);
  };
  await Promise.all(ingest.map(probeOne));
  http.close();
}
