import { z } from "zod";

export interface Variable {
  readonly name: string;
  /** Form of a value, for example "a whole number from 1 to 500". */
  readonly form: string;
  /** Default as an operator would write it; undefined if there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly secret: boolean;
  readonly description: string;
}

/** Returns one entry per variable, in the schema's order. */
export function describeVariables(schema: z.ZodObject): Variable[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties as Record<string, z.core.JSONSchema.JSONSchema>).map(([name, leaf]) => ({
    name,
    form: typeof leaf.form === "string" ? leaf.form : formOf(leaf),
    default: typeof leaf.default === "string" ? leaf.default : undefined,
    required: required.includes(name),
    secret: leaf.secret === true,
    description: leaf.description ?? "",
  }));
}

function formOf({ enum: choices = [] }: z.core.JSONSchema.JSONSchema): string {
  if (choices.length === 0) return "text";
  const [last, ...others] = choices.map(String).reverse();
  return `${others.reverse().join(", ")} or ${last ?? ""}`;
}
