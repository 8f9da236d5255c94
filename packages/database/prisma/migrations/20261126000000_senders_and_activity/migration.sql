-- Metadata is JSON kept as text: the servers' own JSON type would sort its keys and round its numbers.

ALTER TABLE `messages`
  ADD COLUMN `sender` VARCHAR(256) NULL,
  ADD COLUMN `metadata` TEXT NULL,
  ADD COLUMN `reply_to` INT NULL;

ALTER TABLE `chats`
  ADD COLUMN `metadata` TEXT NULL,
  ADD COLUMN `last_message_number` INT NOT NULL DEFAULT 0,
  ADD COLUMN `last_message_at` DATETIME(3) NULL;

CREATE INDEX `chats_application_id_last_message_at_number_idx` ON `chats` (`application_id`, `last_message_at`, `number`);

UPDATE `chats` SET
  `last_message_number` = COALESCE((SELECT MAX(m.number) FROM `messages` m WHERE m.chat_id = `chats`.id), 0),
  `last_message_at` = (SELECT m.created_at FROM `messages` m WHERE m.chat_id = `chats`.id ORDER BY m.number DESC LIMIT 1);
