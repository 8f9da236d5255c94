-- The idempotency keys of stored messages, if they carry a time. The id begins with it, so rows are appended, and old ones are at the
-- front. The chat is part of the id.
CREATE TABLE `message_keys` (
  `id` BINARY(15) NOT NULL,
  `request_hash` BINARY(9) NOT NULL,
  `uid` BINARY(16) NOT NULL,
  `number` INT NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
