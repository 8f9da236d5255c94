-- Change numbers are microseconds. DOUBLE has the integers up to 2^53, as JSON's and TypeScript's numbers have.
ALTER TABLE `messages` ADD COLUMN `change_number` DOUBLE NULL;
ALTER TABLE `chats` ADD COLUMN `last_change_number` DOUBLE NOT NULL DEFAULT 0;

-- The latest change of each edited or deleted message. A separate table, because an index of `messages` would have an
-- entry for every message that never changes.
CREATE TABLE `message_changes` (
  `chat_id` BIGINT NOT NULL,
  `change_number` DOUBLE NOT NULL,
  `number` INT NOT NULL,
  PRIMARY KEY (`chat_id`, `change_number`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What an edit replaced. Deleting the message deletes them.
CREATE TABLE `message_versions` (
  `chat_id` BIGINT NOT NULL,
  `number` INT NOT NULL,
  `version` INT NOT NULL,
  `body` TEXT NOT NULL,
  `metadata` TEXT NULL,
  `created_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`chat_id`, `number`, `version`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
