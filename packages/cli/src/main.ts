import { ignoreLostSessionRejections } from "@confab/database/lost-sessions";
import { assertJsonKeys } from "@confab/runtime/json-check";
import { run } from "./run.ts";

assertJsonKeys();
ignoreLostSessionRejections();
const { argv, env, stdin, stdout, stderr } = process;
process.exitCode = await run(argv.slice(2), { env, stdin, stdout, stderr });
