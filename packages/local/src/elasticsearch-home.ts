import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "./cache-folder.ts";
import { LocalError } from "./local-error.ts";
import { withLock } from "./lock.ts";
import { findProgram, lastLine, run } from "./run.ts";

export interface ElasticsearchTools {
  readonly java: string;
  readonly javac: string;
  readonly jar: string;
  readonly mvn: string;
}

const sources = join(import.meta.dirname, "../elasticsearch");
const oldestJava = 17;

/**
 * Returns the paths of Maven, from PATH, and of the JDK's programs, from JAVA_HOME or else from PATH. Returns undefined
 * if one is missing or the JDK is older than 17.
 */
export async function findElasticsearchTools(): Promise<ElasticsearchTools | undefined> {
  const home = process.env.JAVA_HOME;
  const ofJdk = (name: string) => (home === undefined ? findProgram(name) : join(home, "bin", name));
  const [java, javac, jar, mvn] = [ofJdk("java"), ofJdk("javac"), ofJdk("jar"), findProgram("mvn")];
  if (java === undefined || javac === undefined || jar === undefined || mvn === undefined) return undefined;
  const version = await run(javac, ["-version"]);
  const major = Number(/javac (\d+)/.exec(version.stdout + version.stderr)?.[1] ?? 0);
  return major >= oldestJava ? { java, javac, jar, mvn } : undefined;
}

/**
 * Returns the home folder of the server, which all nodes share. It is created in the cache once per user (about 70 MB
 * from Maven Central).
 */
export async function elasticsearchHome(
  tools: ElasticsearchTools,
  onProgress: (line: string) => void,
): Promise<string> {
  const files = ["pom.xml", "Launcher.java", "Extras.java"].map((name) => readFileSync(join(sources, name), "utf8"));
  const version = /<es>(.+)<\/es>/.exec(files[0] ?? "")?.[1] ?? "";
  const stamp = createHash("sha256").update(files.join("")).digest("hex").slice(0, 12);
  const home = join(cacheFolder, `elasticsearch-${version}-${stamp}`);
  if (existsSync(home)) return home;
  await mkdir(cacheFolder, { recursive: true });
  await withLock(`${home}.lock`, async () => {
    if (existsSync(home)) return;
    onProgress(`fetching Elasticsearch ${version} with Maven (once)`);
    const fresh = `${home}.new`;
    await rm(fresh, { recursive: true, force: true });
    await layOut(tools, fresh, version);
    await rename(fresh, home);
  });
  return home;
}

async function layOut({ javac, jar, mvn }: ElasticsearchTools, home: string, version: string): Promise<void> {
  const folders = ["classes", "extras", "plugins", "modules/extras"];
  for (const folder of folders) await mkdir(join(home, folder), { recursive: true });
  await must(mvn, ["-B", "-q", "-f", join(sources, "pom.xml"), "package", `-Dhome=${home}`]);

  // The descriptor is inside the module's jar, in a folder named after the module.
  const netty = join(home, "modules/transport-netty4");
  await must(jar, ["xf", join(netty, `transport-netty4-${version}.jar`), "META-INF/es-plugins"], netty);
  const descriptor = "plugin-descriptor.properties";
  await rename(join(netty, "META-INF/es-plugins/transport-netty4", descriptor), join(netty, descriptor));
  await rm(join(netty, "META-INF"), { recursive: true });

  const compile = (name: string, folder: string) =>
    must(javac, ["-nowarn", "-d", join(home, folder), "-cp", join(home, "lib/*"), join(sources, name)]);
  await compile("Launcher.java", "classes");
  await compile("Extras.java", "extras");
  await must(jar, ["cf", join(home, "modules/extras/extras.jar"), "-C", join(home, "extras"), "."]);
  const properties = {
    name: "extras",
    description: "GET / and n-grams",
    classname: "Extras",
    version,
    "elasticsearch.version": version,
    "java.version": String(oldestJava),
  };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(home, "modules/extras", descriptor), lines.join(""));
}

async function must(command: string, args: readonly string[], cwd = dirname(sources)): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, { cwd });
  if (code !== 0) {
    throw new LocalError(
      `Elasticsearch could not be prepared (${lastLine(stderr + stdout)}). Try again, or set SEARCH_BACKEND=mysql.`,
    );
  }
}
