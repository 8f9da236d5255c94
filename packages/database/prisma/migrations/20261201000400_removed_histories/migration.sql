-- Deleted messages whose earlier versions are still there. A worker deletes these in slices, so that no deletion of a message with
-- many versions holds the lock on its chat.
CREATE TABLE `removed_histories` (
  `chat_id` BIGINT NOT NULL,
  `number` INT NOT NULL,
  PRIMARY KEY (`chat_id`, `number`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
