-- Each request to erase a sender begins a new epoch of its application. What has a lower epoch is older than the request, whatever the
-- clocks of the processes say. Messages of the first epoch, which are nearly all, have none. Epochs are milliseconds; DOUBLE has them all.
ALTER TABLE `applications` ADD COLUMN `epoch` DOUBLE NOT NULL DEFAULT 0;
ALTER TABLE `messages` ADD COLUMN `epoch` DOUBLE NULL;
ALTER TABLE `dead_letters` ADD COLUMN `epoch` DOUBLE NULL;
ALTER TABLE `reads` ADD COLUMN `epoch` DOUBLE NOT NULL DEFAULT 0;
ALTER TABLE `erasures`
  ADD COLUMN `epoch` DOUBLE NULL,
  ADD COLUMN `next_number` INT NOT NULL DEFAULT 1,
  ADD COLUMN `marked_at` DATETIME(3) NULL;

-- To find the open erasures of an application.
CREATE INDEX `erasures_application_token_finished_at_idx` ON `erasures` (`application_token`, `finished_at`);
