import { z } from "zod";

const coordinate = (name: string) =>
  z.string().regex(/^[A-Za-z0-9_-]{43}$/, `must be the ${name} of the public key: 32 bytes in base64url`);
const withoutPrivatePart = {
  d: z
    .never("must be absent: it is the private part, which nobody but you may have")
    .exactOptional()
    .meta({ override: { not: {} } }),
};

/** A public key that verifies user tokens: Ed25519 (EdDSA) or P-256 (ES256). */
export const publicKeySchema = z
  .discriminatedUnion(
    "kty",
    [
      z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: coordinate("x"), ...withoutPrivatePart }),
      z.object({
        kty: z.literal("EC"),
        crv: z.literal("P-256"),
        x: coordinate("x"),
        y: coordinate("y"),
        ...withoutPrivatePart,
      }),
    ],
    "must be a JSON Web Key with kty OKP and crv Ed25519, or with kty EC and crv P-256",
  )
  .meta({
    id: "PublicKey",
    description: "A public key as a JSON Web Key (RFC 7517): Ed25519, or P-256. Other members are ignored.",
    examples: [{ kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
  });
export type PublicKey = z.infer<typeof publicKeySchema>;
