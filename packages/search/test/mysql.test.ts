import { createMysqlBackend } from "./backends.ts";
import { describeSearchIndex } from "./conformance.ts";

describeSearchIndex("search in MySQL", createMysqlBackend);
