import { homedir } from "node:os";
import { join } from "node:path";

/** Folder for programs that are downloaded or built once per user, for all clones. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "confab");
