-- The incarnations of Redis that have assigned numbers, in their order. A numbering of a chat is the span in which one of them did.
CREATE TABLE `incarnations` (
  `id` INT NOT NULL,
  `incarnation` VARBINARY(128) NOT NULL,
  `seen_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE INDEX `incarnations_incarnation_key` (`incarnation`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Where each numbering of a chat began. A reader who knows higher numbers of an earlier one has seen messages that were lost.
CREATE TABLE `chat_numberings` (
  `chat_id` BIGINT NOT NULL,
  `numbering` INT NOT NULL,
  `from_number` INT NOT NULL,
  PRIMARY KEY (`chat_id`, `numbering`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The latest numbering of which messages are stored, and the one in which a horizon was set; 0 means none.
ALTER TABLE `chats` ADD COLUMN `last_numbering` INT NOT NULL DEFAULT 0;
ALTER TABLE `reads` ADD COLUMN `numbering` INT NOT NULL DEFAULT 0;
