import { writePages } from "./write.ts";

await writePages();
