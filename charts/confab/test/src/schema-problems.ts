import { apiModules } from "./kubernetes-kinds.ts";
import { nameOf, type Manifest } from "./manifests.ts";

type Model = new (data: object) => { validate: () => void };

/**
 * Returns violations of the OpenAPI schemas of the API server and of the CRDs. The schemas allow unknown fields (see
 * unknownFields).
 */
export async function schemaProblems(manifests: readonly Manifest[]): Promise<string[]> {
  const problems = await Promise.all(manifests.map(problemOf));
  return problems.filter((problem) => problem !== undefined);
}

async function problemOf(manifest: Manifest): Promise<string | undefined> {
  const models = (await apiModules[manifest.apiVersion]?.load()) as Readonly<Record<string, Model>> | undefined;
  const Kind = models?.[manifest.kind];
  if (Kind === undefined) return `${nameOf(manifest)}: no schema is known for ${manifest.apiVersion} ${manifest.kind}`;
  try {
    new Kind(manifest).validate();
    return undefined;
  } catch (error) {
    return `${nameOf(manifest)}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
