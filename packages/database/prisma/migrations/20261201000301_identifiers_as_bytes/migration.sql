-- What clients choose and the database compares is bytes: every text collation that MySQL and MariaDB share ignores spaces at the end.
-- A character of UTF-8 has at most four bytes.
ALTER TABLE `messages` MODIFY COLUMN `sender` VARBINARY(1024) NULL;
ALTER TABLE `reads` MODIFY COLUMN `reader` VARBINARY(1024) NOT NULL;
ALTER TABLE `erasures` MODIFY COLUMN `sender` VARBINARY(1024) NULL;
ALTER TABLE `idempotency_keys` MODIFY COLUMN `idempotency_key` VARBINARY(1020) NOT NULL;
