-- How far a reader has read a chat.
CREATE TABLE `reads` (
  `chat_id` BIGINT NOT NULL,
  `reader` VARCHAR(256) NOT NULL,
  `number` INT NOT NULL,
  `updated_at` DATETIME(3) NOT NULL,
  PRIMARY KEY (`chat_id`, `reader`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The numbers of deleted messages and dropped dead letters. Counting them above a number reads only their own entries, in key
-- order. `messages` cannot answer that without reading all messages above the number: an index with `deleted_at` would have
-- an entry for every message, and `message_changes` is ordered by change.
CREATE TABLE `deleted_numbers` (
  `chat_id` BIGINT NOT NULL,
  `number` INT NOT NULL,
  PRIMARY KEY (`chat_id`, `number`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Each deleted message has a change, so this reads no other messages than the changed ones.
INSERT INTO `deleted_numbers` (`chat_id`, `number`)
  SELECT m.chat_id, m.number
    FROM `message_changes` k JOIN `messages` m ON m.chat_id = k.chat_id AND m.number = k.number
   WHERE m.deleted_at IS NOT NULL;
