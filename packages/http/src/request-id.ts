import { createRandomPool } from "@confab/runtime";

const randomBytes = createRandomPool(9);

/**
 * Creates a new request id: 12 letters and digits, nearly 72 random bits. Each pending message keeps its request id in
 * Redis, where a UUID would take three times the memory. The chance that two of a billion ids are the same is 1 in
 * 6,000.
 */
export function createRequestId(): string {
  const id = randomBytes().toString("base64url");
  return id.includes("-") || id.includes("_") ? id.replaceAll("-", "0").replaceAll("_", "1") : id;
}
