import type { ISecret, IContainer } from "kubernetes-models/v1";
import { ofKind, type Manifest } from "./manifests.ts";

/** Returns the environment of a container. Values from existing Secrets become a fixed text. */
export function environmentOf({ env = [] }: IContainer, manifests: readonly Manifest[]): Record<string, string> {
  const secrets = ofKind<ISecret>(manifests, "Secret");
  return Object.fromEntries(
    env.map(({ name, value = "", valueFrom }) => {
      const reference = valueFrom?.secretKeyRef;
      if (reference === undefined) return [name, value];
      const secret = secrets.find(({ metadata }) => metadata.name === reference.name);
      if (secret === undefined) return [name, "from-a-given-secret"];
      const encoded = secret.data?.[reference.key];
      if (encoded === undefined)
        throw new Error(`The Secret ${secret.metadata.name} has no ${reference.key}, which ${name} is`);
      return [name, Buffer.from(encoded, "base64").toString()];
    }),
  );
}
