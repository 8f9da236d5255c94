export interface JsonSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

/** Returns the paths of all properties in a schema, and the paths of the objects that allow unknown properties. */
export function schemaPaths(root: JsonSchema): { paths: string[]; lenient: string[] } {
  const paths: string[] = [];
  const lenient: string[] = [];
  const visit = (schema: JsonSchema, path: string): void => {
    const { properties, additionalProperties, $ref } = schema;
    if ($ref !== undefined) visit(definition(root, $ref), path);
    if (properties !== undefined && additionalProperties !== false) lenient.push(path);
    for (const [name, child] of Object.entries(properties ?? {})) {
      const below = path === "" ? name : `${path}.${name}`;
      paths.push(below);
      visit(child, below);
    }
  };
  visit(root, "");
  return { paths: [...new Set(paths)], lenient };
}

function definition(root: JsonSchema, reference: string): JsonSchema {
  const name = reference.split("/").at(-1)!;
  return (root.$defs ?? root.definitions)?.[name] ?? {};
}
