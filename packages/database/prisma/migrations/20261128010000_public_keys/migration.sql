-- A key may be a public key that an application has uploaded. Nobody can send it, so it has no hash: it only verifies user tokens.
ALTER TABLE `api_keys`
  MODIFY COLUMN `hash` BINARY(32) NULL,
  ADD COLUMN `public_key` VARCHAR(255) NULL;
