import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { CrowdData, Expectation, Reading } from "./crowd-reader.ts";

/** Opens many streams, in a thread of their own, and waits until all have caught up. */
export async function openCrowd({ url }: { url: string }, path: string, readers: number) {
  const workerData: CrowdData = { port: Number(new URL(url).port), path, readers };
  const worker = new Worker(new URL("crowd-reader.ts", import.meta.url), { workerData });
  await once(worker, "message");
  return {
    /**
     * Waits for this many events per reader. Returns what was read since the last call, with the number of readers that
     * read it.
     */
    async read(eventsEach: number): Promise<Reading> {
      worker.postMessage({ events: eventsEach * readers } satisfies Expectation);
      const [reading] = (await once(worker, "message")) as [Reading];
      return reading;
    },
    close: () => worker.terminate(),
  };
}
