import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { CrowdData, Expectation, Reading } from "./crowd-reader.ts";

/** Opens many streams in a separate thread, and waits until all have caught up. */
export async function openCrowd({ url }: { url: string }, path: string, readers: number) {
  const workerData: CrowdData = { port: Number(new URL(url).port), path, readers };
  const worker = new Worker(new URL("crowd-reader.ts", import.meta.url), { workerData });
  await once(worker, "message");
  return {
    /**
     * Waits for this many events per reader. Resolves with the events read since the last call, and with the number of
     * readers that read them.
     */
    async read(eventsEach: number): Promise<Reading> {
      worker.postMessage({ events: eventsEach * readers } satisfies Expectation);
      const [reading] = (await once(worker, "message")) as [Reading];
      return reading;
    },
    close: () => worker.terminate(),
  };
}
