-- Accepts a batch of messages. New messages get their numbers here and nowhere else.
--
-- The script consists of the files of this folder in the order of scripts.ts: each sees the locals of those before it.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     What is in one argument is separated by spaces, and lengths by commas.
--   1  prefix of all keys of the partition
--   2  batch id
--   3  time (ms)
--   4  maximum number of pending messages (0: no limit)
--   5  messages per second of an application (0: no limit)
--   6  burst of an application
--   7  how long idempotency keys are kept (ms)
--   8  how long keys are kept that MySQL has as well (ms)
--   9  maximum number of keys per application that MySQL does not have, within the time of argument 8 (0: no limit)
--  10  records of all items, one after another
--  11  '', or the part of these limits that one user may use, and each item's user (-: none)
--   then six arguments per group, which is a chat:
--  12  token of the application
--  13  number of the chat
--  14  '', or its loaded head: chat id, last number, incarnation under which it was loaded, ordinal of that incarnation, epoch
--  15  '', or per item the number that it replies to (0: none)
--  16  '', or per item its idempotency key: & if it belongs to the request of the item before it; digest of the key and hash of
--      the request (- -: none); time in the key (ms; 0: none); /clock/stored of an earlier reply if MySQL does not have it
--  17  length of each item's record (bytes)
-- Returns  JSON: {incarnation, pending, limits: [[remaining, reset ms, wait ms], one per group], keys: [used part, wait ms] of
--          each group that uses limited keys, users: [remaining, reset ms, wait ms] of each user's user-quota:… and user-keys:…,
--          memory: {clock, stored} if a result is "stale", results: [number | {number, at} | "conflict" | "unknown" |
--          "overloaded" | "limited" | "keys" | "user-limited" | "user-keys" | "stale" | "open" | "reply", one per item]}

local prefix, batch, now = ARGV[1], ARGV[2], ARGV[3]
local maxPending, rate, burst = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local keepMs, rememberMs, maxKeys = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local batchKey = prefix .. 'batch:' .. batch

-- A head is trusted only under the incarnation of Redis under which it was checked. The replication id changes with
-- every restart and failover (unlike run_id, which a demoted and re-promoted master keeps). The generation changes with
-- every FLUSHALL.
local generation = redis.call('GET', prefix .. 'generation')
if not generation then
  generation = batch
  redis.call('SET', prefix .. 'generation', generation)
end
local incarnation = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') .. '/' .. generation

local pending = tonumber(redis.call('GET', prefix .. 'pending') or 0)
local time = redis.call('TIME')
local clock = time[1] * 1000 + time[2] / 1000
