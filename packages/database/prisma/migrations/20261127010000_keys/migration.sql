-- Keys of applications, and admin keys, which belong to none. Only their SHA-256 is stored: a key is random, so it needs no slow hash.
CREATE TABLE `api_keys` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `public_id` CHAR(8) NOT NULL,
  `application_id` BIGINT NULL,
  `name` VARCHAR(255) NOT NULL,
  `hash` BINARY(32) NOT NULL,
  `scopes` VARCHAR(255) NOT NULL,
  `created_at` DATETIME(3) NOT NULL,
  `expires_at` DATETIME(3) NULL,
  `last_used_at` DATETIME(3) NULL,
  `revoked_at` DATETIME(3) NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `api_keys_public_id_key` (`public_id`),
  KEY `api_keys_application_id_id_idx` (`application_id`, `id`),
  CONSTRAINT `api_keys_application_id_fkey` FOREIGN KEY (`application_id`) REFERENCES `applications` (`id`) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Administrative acts. Rows are only added. The application is named as in logs, so that a row outlives it and tells nobody its token.
CREATE TABLE `audit_log` (
  `id` BIGINT NOT NULL AUTO_INCREMENT,
  `created_at` DATETIME(3) NOT NULL,
  `actor` VARCHAR(64) NOT NULL,
  `act` VARCHAR(64) NOT NULL,
  `application` CHAR(8) NULL,
  `key_id` CHAR(8) NULL,
  `request_id` VARCHAR(128) NULL,
  PRIMARY KEY (`id`),
  KEY `audit_log_created_at_id_idx` (`created_at`, `id`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
