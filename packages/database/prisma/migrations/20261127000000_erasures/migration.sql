-- Deletions of chats and applications, and of what a sender wrote in an application. An application's row is deleted at once and its chats later, so no foreign key can
-- connect them.
ALTER TABLE `chats` DROP FOREIGN KEY `chats_application_id_fkey`;

-- The rows stay when the erasure is finished: by them a worker recognizes messages that arrive for a chat that was deleted.
CREATE TABLE `erasures` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `application_token` CHAR(36) NOT NULL,
  `application_id` BIGINT NOT NULL,
  `chat_number` INT NULL,
  `sender` VARCHAR(256) NULL,
  `next_chat_number` INT NOT NULL DEFAULT 0,
  `cleared_at` DATETIME(3) NULL,
  `requested_at` DATETIME(3) NOT NULL,
  `claimed_until` DATETIME(3) NULL,
  `finished_at` DATETIME(3) NULL,
  PRIMARY KEY (`id`),
  INDEX `erasures_application_token_chat_number_idx` (`application_token`, `chat_number`),
  INDEX `erasures_finished_at_id_idx` (`finished_at`, `id`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The deleted chats of an erasure: the work to do, and afterwards the ids by which one can verify that nothing is left.
CREATE TABLE `erased_chats` (
  `chat_id` BIGINT NOT NULL,
  `erasure_id` BIGINT NOT NULL,
  `number` INT NOT NULL,
  `messages` INT NOT NULL,
  `last_outbox_id` BIGINT NOT NULL,
  `cleared_at` DATETIME(3) NULL,
  `erased_at` DATETIME(3) NULL,
  PRIMARY KEY (`chat_id`),
  INDEX `erased_chats_erasure_id_erased_at_cleared_at_idx` (`erasure_id`, `erased_at`, `cleared_at`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- To find the dead letters of an application whose chats are not in the database any more.
CREATE INDEX `dead_letters_application_token_chat_number_idx` ON `dead_letters` (`application_token`, `chat_number`);
