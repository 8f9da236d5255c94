-- utf8mb4_bin throughout: tokens, keys and bodies are compared byte for byte; search does its own folding.

CREATE TABLE `applications` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `token` CHAR(36) NOT NULL,
  `name` VARCHAR(255) NOT NULL,
  `chats_count` INT NOT NULL DEFAULT 0,
  `last_chat_number` INT NOT NULL DEFAULT 0,
  `created_at` DATETIME(3) NOT NULL,
  `updated_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE INDEX `applications_token_key` (`token`),
  INDEX `applications_created_at_token_idx` (`created_at`, `token`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `chats` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `application_id` BIGINT NOT NULL,
  `number` INT NOT NULL,
  `name` VARCHAR(255) NULL,
  `messages_count` INT NOT NULL DEFAULT 0,
  `numbers_sum` BIGINT NOT NULL DEFAULT 0,
  `created_at` DATETIME(3) NOT NULL,
  `updated_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE INDEX `chats_application_id_number_key` (`application_id`, `number`),
  CONSTRAINT `chats_application_id_fkey` FOREIGN KEY (`application_id`) REFERENCES `applications` (`id`)
    ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- No foreign key to chats: chat_id is the shard key, and the shared lock that a foreign key takes on the chat
-- with every insert, before the count is updated, would make concurrent writers of one chat deadlock.
-- The clustered key is the reading order: a page of messages is one range scan.
CREATE TABLE `messages` (
  `chat_id` BIGINT NOT NULL,
  `number` INT NOT NULL,
  `uid` BINARY(16) NOT NULL,
  `version` INT NOT NULL DEFAULT 1,
  `body` TEXT NOT NULL,
  `created_at` DATETIME(3) NOT NULL,
  `updated_at` DATETIME(3) NOT NULL,
  `edited_at` DATETIME(3) NULL,
  `deleted_at` DATETIME(3) NULL,
  PRIMARY KEY (`chat_id`, `number`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `stored_batches` (
  `id` BINARY(16) NOT NULL,
  `stored_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`),
  INDEX `stored_batches_stored_at_idx` (`stored_at`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `search_outbox` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `chat_id` BIGINT NOT NULL,
  `from_number` INT NOT NULL,
  `to_number` INT NOT NULL,
  `bytes` INT NOT NULL,
  `created_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The body is binary: what a text column refuses must still fit here. Without chat_id: the database has lost the chat, and
-- another application's chat may have its id by now.
CREATE TABLE `dead_letters` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `application_token` CHAR(36) NOT NULL,
  `chat_number` INT NOT NULL,
  `chat_id` BIGINT NULL,
  `number` INT NOT NULL,
  `uid` BINARY(16) NOT NULL,
  `body` LONGBLOB NOT NULL,
  `other_fields` TEXT NULL,
  `reason` TEXT NOT NULL,
  `request_id` VARCHAR(128) NULL,
  `accepted_at` DATETIME(3) NOT NULL,
  `created_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE INDEX `dead_letters_uid_key` (`uid`),
  INDEX `dead_letters_chat_id_number_idx` (`chat_id`, `number`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `idempotency_keys` (
  `scope` CHAR(36) NOT NULL,
  `idempotency_key` VARCHAR(255) NOT NULL,
  `request_hash` BINARY(32) NOT NULL,
  `resource_id` BIGINT NOT NULL,
  `created_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`scope`, `idempotency_key`),
  INDEX `idempotency_keys_created_at_idx` (`created_at`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `installation` (
  `name` VARCHAR(64) NOT NULL,
  `value` VARCHAR(255) NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
