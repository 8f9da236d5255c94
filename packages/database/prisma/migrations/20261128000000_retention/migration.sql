-- How long messages are kept, in days. Of a chat: null means the application's limit, 0 means for ever.
ALTER TABLE `applications` ADD COLUMN `retention_days` INT NULL;

-- The next message that retention looks at, and the time of the oldest one from there on: no message below the number needs to be
-- read again, and the index finds the chats that have something to delete.
ALTER TABLE `chats`
  ADD COLUMN `retention_days` INT NULL,
  ADD COLUMN `retained_from` INT NOT NULL DEFAULT 1,
  ADD COLUMN `retained_from_at` DATETIME(3) NULL;

UPDATE `chats` SET
  `retained_from_at` = (SELECT m.created_at FROM `messages` m WHERE m.chat_id = `chats`.id ORDER BY m.number LIMIT 1);

CREATE INDEX `applications_retention_days_idx` ON `applications` (`retention_days`);
CREATE INDEX `chats_retention_days_application_id_retained_from_at_idx`
  ON `chats` (`retention_days`, `application_id`, `retained_from_at`);

-- One row: who carries out retention, and what the last look found. It begins with a time, so that a run that never happens is noticed.
CREATE TABLE `retention_state` (
  `id` INT NOT NULL,
  `claimed_until` DATETIME(3) NULL,
  `behind_seconds` BIGINT NOT NULL,
  `checked_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO `retention_state` (`id`, `behind_seconds`, `checked_at`) VALUES (1, 0, UTC_TIMESTAMP(3));
