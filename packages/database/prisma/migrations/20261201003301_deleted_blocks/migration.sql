-- How many of a thousand consecutive numbers of a chat have no message, so that unread counts need not read all of them.
CREATE TABLE `deleted_blocks` (
  `chat_id` BIGINT NOT NULL,
  `block` INT NOT NULL,
  `numbers` INT NOT NULL,
  PRIMARY KEY (`chat_id`, `block`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO `deleted_blocks` (`chat_id`, `block`, `numbers`)
  SELECT `chat_id`, `number` DIV 1000, COUNT(*) FROM `deleted_numbers` GROUP BY `chat_id`, `number` DIV 1000;
