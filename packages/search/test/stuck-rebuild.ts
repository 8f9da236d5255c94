import { createElasticsearchIndex, rebuild } from "@confab/search";
import { messageOf } from "./documents.ts";

// This script copies one message, reports this on standard output and then hangs until it is killed.
const [url = "", name = ""] = process.argv.slice(2);
setInterval(() => undefined, 60_000);
await rebuild(createElasticsearchIndex({ url, name }), {
  scan: async function* () {
    yield [messageOf(1n, 1, "from a killed rebuild")];
    await new Promise(() => undefined);
  },
  onProgress: () => process.stdout.write("copied\n"),
});
