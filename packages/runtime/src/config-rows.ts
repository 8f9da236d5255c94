import { z } from "zod";

export interface LeafDescription {
  readonly form: string;
  readonly description: string | undefined;
  readonly secret: boolean;
}

export interface ConfigRow {
  readonly name: string;
  readonly form: string;
  readonly default: unknown;
  readonly required: boolean;
  readonly secret: boolean;
  readonly description: string;
}

/** What a leaf's metadata says, looking through `.default()`, `.optional()` and pipes, whose wrappers carry none of it themselves. */
export function describeLeaf(leaf: z.ZodType): LeafDescription {
  const chain = unwrapped(leaf);
  const meta = chain.map((schema) => schema.meta() ?? {});
  const form = meta.find((entry) => typeof entry.form === "string")?.form;
  return {
    form: typeof form === "string" ? form : derivedForm(chain),
    description: meta.find((entry) => entry.description !== undefined)?.description,
    secret: meta.some((entry) => entry.secret === true),
  };
}

/** One row per variable in the schema's order, for generated reference pages; defaults of secrets are withheld. */
export function describeConfig(schema: z.ZodObject): ConfigRow[] {
  return Object.entries(schema.shape).map(([name, leaf]) => {
    const facts = describeLeaf(leaf as z.ZodType);
    const unset = (leaf as z.ZodType).safeParse(undefined);
    return {
      name,
      form: facts.form,
      default: unset.success && !facts.secret ? unset.data : undefined,
      required: !unset.success,
      secret: facts.secret,
      description: facts.description ?? "",
    };
  });
}

function unwrapped(leaf: z.ZodType): z.ZodType[] {
  const chain = [leaf];
  for (let inner = innerOf(leaf); inner !== undefined; inner = innerOf(inner)) chain.push(inner);
  return chain;
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  const { innerType, in: input } = schema.def as unknown as { innerType?: z.ZodType; in?: z.ZodType };
  return innerType ?? input;
}

function derivedForm(chain: readonly z.ZodType[]): string {
  const innermost = chain.at(-1);
  if (innermost instanceof z.ZodEnum) return `one of ${innermost.options.join(", ")}`;
  return "text";
}
