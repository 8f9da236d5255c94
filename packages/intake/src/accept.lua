-- Accepts a batch of messages. New messages get their numbers here and nowhere else.
--
-- KEYS     batches, moving (see guardKeys in scripts.ts)
-- ARGV     prefix, batch id, time (ms), maximum number of pending messages (0: no limit), messages per second and burst per
--          application (0: no limit), for how long (ms) idempotency keys are kept, and for how long those that MySQL has as
--          well, maximum number of the others per application in the first time (0: no limit), the records of all items one
--          after another, '' or the part of these limits that one user may use and each item's user (-: none); then for each
--          group (a chat): token, chat number, '' or its loaded head (chat id, last number, incarnation under which it was loaded,
--          ordinal of that incarnation, epoch of the application), and of each item: the number that it replies to (0: none; '': no
--          item does), its idempotency key ('': no item has one), length of the record in bytes. What is in one argument is
--          separated by spaces, and the lengths by commas. A key is: & if the item belongs to the same request as the one
--          before it, digest of the key and hash of the request (- -: none), time in the key (ms; 0: it has none), and
--          /clock/stored of an earlier reply if MySQL does not have it.
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
local accepted, keyed, results, limits = 0, false, {}, {}
-- A line per chat: token and epoch ('': those of the line before), chat number, chat id, check sum, and where its records are.
local index, indexed = {}, nil
-- A line per chat of which MySQL does not know yet that this incarnation assigns its numbers: which line of the index it is, the
-- ordinal of the incarnation, the first number that it assigned, and a check sum.
local numberings = {}
-- checkSum in batch-chats.ts. The chat's name is covered by the checksums of its records.
local function checkSum(id, a, b, c, d)
  return string.format('%d', ((id % 4294967296) * 524287 + a * 262139 + b * 131071 + c * 65521 + d * 32749) % 4294967296)
end
-- All items' records, where the next one begins, and those of the accepted messages before the last refused item.
local records, at, kept, keptTo = ARGV[10], 1, {}, 0
-- The length of all accepted messages' records.
local offset = 0

-- Generic cell rate algorithm: `tat` is the time in ms at which the bucket is full again. Redis' own clock may step
-- back, so `tat` is limited to what an empty bucket has.
local function readBucket(key, capacity)
  return math.min(math.max(clock, tonumber(redis.call('GET', key) or 0)), clock + capacity)
end

local function writeBucket(key, tat) redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil(tat - clock)) end

-- The time until there is room for one.
local function waitOf(tat, interval, capacity) return tat + interval - clock - capacity end

-- How many there is room for, when the bucket is full again, and when there is room for one, both in ms from now.
local function restOf(tat, interval, capacity)
  local room = capacity - (tat - clock)
  return { math.floor(room / interval + 0.001), math.ceil(tat - clock), math.max(0, math.ceil(interval - room)) }
end

local interval, capacity
if rate > 0 then
  interval = 1000 / rate
  capacity = burst * interval
end
local keyInterval, keyCapacity = keepMs / maxKeys, keepMs / 2

-- Each item's user (false: none), and the buckets of the users by their names. A user's bucket lasts as long as that of the
-- application, but what is accepted takes more of it. It has room for at least one.
local users, userShare, userBuckets = nil, nil, {}
if ARGV[11] ~= '' then
  users = {}
  for user in string.gmatch(ARGV[11], ' (%S+)') do users[#users + 1] = user ~= '-' and user end
  userShare = tonumber(string.match(ARGV[11], '^%S+'))
end
local function userBucket(kind, user, interval, capacity)
  local name = kind .. user
  userBuckets[name] = userBuckets[name]
    or { tat = readBucket(prefix .. name, capacity), interval = math.min(interval / userShare, capacity), capacity = capacity }
  return userBuckets[name]
end
local function isUsedUp(bucket) return bucket and waitOf(bucket.tat, bucket.interval, bucket.capacity) > 0.001 end
local function take(bucket) bucket.tat, bucket.charged = bucket.tat + bucket.interval, true end

-- Idempotency keys are in hashes of few fields, which Redis keeps in a compact encoding: a hash maps the key's digest to the
-- number and time in binary, followed by the hash of the request. An application has 4,096 hashes per period, so that whole
-- hashes expire.
--
-- A key that carries a time belongs to the minute of that time. The worker stores it in MySQL with its message, so Redis
-- keeps it only for minutes, unless it was made long ago or in the future: then Redis keeps it for its whole life.
-- A key without a time belongs to the half of a lifetime in which it is accepted, and is found for 1 to 1.5 lifetimes.
local keyFormat = '>I4I6'
local half = keepMs / 2
local window = math.floor(clock / half)
-- How far the clocks of clients may be ahead.
local skew = rememberMs / 5
local function keysAt(token, digest, period)
  return prefix .. 'idem:' .. token .. ':' .. period .. ':' .. string.sub(digest, 1, 2)
end
local function isRegular(time) return time >= clock - keepMs and time <= clock + skew end

local function findKey(token, digest, time)
  if time > 0 then
    local minute = string.format('%d', math.floor(time / 60000))
    return redis.call('HGET', keysAt(token, digest, 'm' .. minute), digest)
      or redis.call('HGET', keysAt(token, digest, 'o' .. minute), digest)
  end
  -- Redis' clock may have stepped back into the window before.
  for back = -1, 2 do
    local seen = redis.call('HGET', keysAt(token, digest, string.format('%d', window - back)), digest)
    if seen then return seen end
  end
  return false
end

local function keepKey(token, digest, time, value)
  if time == 0 then
    local hashKey = keysAt(token, digest, string.format('%d', window))
    redis.call('HSET', hashKey, digest, value)
    redis.call('PEXPIREAT', hashKey, string.format('%d', (window + 3) * half))
    return
  end
  local regular = isRegular(time)
  local keep = regular and rememberMs or keepMs
  local hashKey = keysAt(token, digest, (regular and 'm' or 'o') .. string.format('%d', math.floor(time / 60000)))
  redis.call('HSET', hashKey, digest, value)
  -- Not for each key, because reading the time to live is cheaper than writing it.
  if redis.call('PTTL', hashKey) < keep then redis.call('PEXPIREAT', hashKey, string.format('%d', clock + 1.2 * keep)) end
end

-- Redis knows no key from before `keys-since`: it was started, emptied or promoted then, and may have lost some.
local keysSince
local function whenKeysBegan()
  if not keysSince then
    local known, when = string.match(redis.call('GET', prefix .. 'keys-since') or '', '^(%S+) (%d+)$')
    if known ~= incarnation then
      when = string.format('%d', clock)
      redis.call('SET', prefix .. 'keys-since', incarnation .. ' ' .. when)
    end
    keysSince = tonumber(when)
  end
  return keysSince
end

local memory

-- Why a key that Redis does not have may nevertheless have been used: nil if it cannot; 'stale' if MySQL must be asked;
-- 'open' if MySQL was asked, and the first message may still be pending.
local function doubtOf(time, askedAt, stored)
  local horizon = clock - rememberMs
  if time == 0 or time >= math.max(horizon, whenKeysBegan()) + skew then return nil end
  if not askedAt or askedAt < whenKeysBegan() then
    if not memory then
      local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
      -- All batches that were accepted before `stored` are in MySQL.
      memory = { clock = math.floor(clock), stored = math.floor(math.min(clock, tonumber(oldest or clock))) }
    end
    return 'stale'
  end
  return time < horizon + skew and stored < horizon and 'open' or nil
end

local function replyWith(results, limits, keys, ofUsers)
  local others = cjson.encode({
    incarnation = incarnation,
    pending = pending,
    limits = limits,
    keys = keys,
    users = ofUsers,
    memory = memory,
  })
  return string.sub(others, 1, -2) .. ',"results":' .. results .. '}'
end

-- A batch that is sent again after a reconnect gets the same results as the first time.
local known = redis.call('HGET', batchKey, 'results')
if known then return replyWith(known) end

-- A deleted chat is unknown, even if its head or an idempotency key still exists, or a process loaded its head before the
-- deletion. Members are the tokens of deleted applications, and the references of deleted chats.
local erasedKey = prefix .. 'erased'
local anyErased = redis.call('EXISTS', erasedKey) == 1

-- A request to erase a sender begins a new epoch of its application. A message carries the epoch in which it was accepted, so that
-- what is older than the request is known without a clock. An application that erased no sender has no epoch.
local epochsKey = prefix .. 'epochs'
local anyEpochs = redis.call('EXISTS', epochsKey) == 1

-- One command reads the heads of all groups and one writes them. unpack is limited to some thousand values; a batch has
-- at most 500 messages.
local headKeys, newHeads, none = {}, {}, {}
local usedKeys, ofUsers
for group = 12, #ARGV, 6 do headKeys[#headKeys + 1] = prefix .. 'head:' .. ARGV[group] .. ':' .. ARGV[group + 1] end
local heads = redis.call('MGET', unpack(headKeys))

for nth, headKey in ipairs(headKeys) do
  local group = 6 + 6 * nth
  local token, chat = ARGV[group], ARGV[group + 1]
  local loadedId, loadedLast, loadedUnder, loadedNumbering, loadedEpoch
  if ARGV[group + 2] ~= '' then
    loadedId, loadedLast, loadedUnder, loadedNumbering, loadedEpoch =
      string.match(ARGV[group + 2], '^(%d+) (%d+) (%S+) (%d+) (%d+)$')
  end
  local epoch = anyEpochs and tonumber(redis.call('HGET', epochsKey, token)) or 0
  local replies, keys = none, none
  if ARGV[group + 3] ~= '' then
    replies = {}
    for number in string.gmatch(ARGV[group + 3], '%d+') do replies[#replies + 1] = tonumber(number) end
  end
  if ARGV[group + 4] ~= '' then
    keys = {}
    for follows, digest, hash, time, askedAt, stored in
      string.gmatch(ARGV[group + 4], '(&?)(%S+) (%S+) (%d+)/?(%d*)/?(%d*)')
    do
      keys[#keys + 1] = {
        follows = follows ~= '',
        digest = digest ~= '-' and digest,
        hash = hash,
        time = tonumber(time),
        askedAt = tonumber(askedAt),
        stored = tonumber(stored),
      }
    end
  end

  local reference = token .. ':' .. chat
  local pendingKey = prefix .. 'pending:' .. reference
  -- The chat's id, its last number, and unless the head is distrusted: the incarnation, its ordinal, the first number that it
  -- assigned in this chat, and a + until a worker has stored these two.
  local id, last, under, numbering, since, unstored =
    string.match(heads[nth] or '', '^(%d+) (%d+) ?(%S*) ?(%d*) ?(%d*)(%+?)$')
  last = tonumber(last or 0)
  local current = under == incarnation
  local trusted = current
  if not trusted and loadedUnder == incarnation then
    id = loadedId
    last = math.max(last, tonumber(loadedLast))
    -- The head may be lost, or older than the pending messages.
    local newest = redis.call('LINDEX', pendingKey, -1)
    if newest then
      local first, count = string.match(newest, '^(%d+) (%d+) ')
      if first then last = math.max(last, first + count - 1) end
    end
    numbering, since, unstored = loadedNumbering, string.format('%d', last + 1), '+'
    -- A Redis that lost data has lost the epoch, too. Whatever it trusts again was loaded, and with it the epoch.
    if tonumber(loadedEpoch) > epoch then
      epoch, anyEpochs = tonumber(loadedEpoch), true
      redis.call('HSET', epochsKey, token, loadedEpoch)
    end
    trusted = true
  end
  local erased = anyErased and (redis.call('ZSCORE', erasedKey, token) or redis.call('ZSCORE', erasedKey, reference))
  if erased then trusted = false end

  local quotaKey = rate > 0 and prefix .. 'quota:' .. token
  local tat, charged = quotaKey and readBucket(quotaKey, capacity), false
  -- The bucket of keys that only Redis has.
  local keysTat, keysCharged = nil, false
  local first, start, lengths = last + 1, offset, {}
  local item, held = 0, nil

  for length in string.gmatch(ARGV[group + 5], '%d+') do
    item = item + 1
    local bytes = tonumber(length)
    local key = keys[item]
    local digest = key and key.digest
    local isOwn, result, seen = false, nil, nil
    local user = users and users[#results + 1]
    local bucket = user and tat and userBucket('user-quota:', user, interval, capacity)
    local keyBucket
    if digest and not erased then
      seen = findKey(token, digest, key.time)
      isOwn = maxKeys > 0 and not (key.time > 0 and isRegular(key.time))
      if isOwn and not keysTat then keysTat = readBucket(prefix .. 'keys:' .. token, keyCapacity) end
      if isOwn and user then keyBucket = userBucket('user-keys:', user, keyInterval, keyCapacity) end
    end
    -- What follows a refused message of the same request waits for it, so that their order can be kept.
    if held and not key.follows then held = nil end
    if seen then
      local number, when, rest = struct.unpack(keyFormat, seen)
      result = string.sub(seen, rest) == key.hash and { number = number, at = when } or 'conflict'
    elseif not trusted then
      result = 'unknown'
    elseif maxPending > 0 and pending + accepted >= maxPending then
      result = 'overloaded'
    elseif tat and waitOf(tat, interval, capacity) > 0.001 then
      result = 'limited'
    elseif isUsedUp(bucket) then
      result = 'user-limited'
    elseif digest or held then
      held = held or doubtOf(key.time, key.askedAt, key.stored)
      if not held and isOwn and waitOf(keysTat, keyInterval, keyCapacity) > 0.001 then held = 'keys' end
      if not held and isUsedUp(keyBucket) then held = 'user-keys' end
      result = held
    end
    -- Numbers are gapless, so this is the whole check. A message may reply to one of the same batch, with which it waits.
    if not result and (replies[item] or 0) > last then result = 'reply' end
    if not result then
      if tat then
        tat = tat + interval
        charged = true
      end
      if bucket then take(bucket) end
      last = last + 1
      accepted = accepted + 1
      offset = offset + bytes
      lengths[#lengths + 1] = length
      if digest then
        keepKey(token, digest, key.time, struct.pack(keyFormat, last, now) .. key.hash)
        keyed = true
        if isOwn then
          keysTat = keysTat + keyInterval
          keysCharged = true
        end
        if keyBucket then take(keyBucket) end
      end
      result = last
    end
    results[#results + 1] = result
    if type(result) ~= 'number' then
      kept[#kept + 1] = string.sub(records, keptTo + 1, at - 1)
      keptTo = at + bytes - 1
    end
    at = at + bytes
  end

  if last >= first then
    -- The first number, how many there are, the first record's offset, and the records' lengths in bytes.
    local range = string.format('%d %d %d %s', first, #lengths, start, #lengths == item and ARGV[group + 5] or table.concat(lengths, ','))
    local owner = epoch == 0 and token or token .. '/' .. epoch
    local sum = checkSum(id, epoch, first, #lengths, start)
    index[#index + 1] = (owner == indexed and '' or owner) .. ' ' .. chat .. ' ' .. id .. ' ' .. sum .. ' ' .. range .. '\n'
    indexed = owner
    if unstored ~= '' then
      numberings[#numberings + 1] = #index .. ' ' .. numbering .. ' ' .. since .. ' ' .. checkSum(id, numbering, since, 0, 0) .. '\n'
    end
    redis.call('RPUSH', pendingKey, range .. ' ' .. batch)
  end
  if last >= first or trusted and not current then
    newHeads[#newHeads + 1], newHeads[#newHeads + 2] = headKey,
      string.format('%s %d %s %s %s%s', id, last, incarnation, numbering, since, unstored)
  end
  if keysTat then
    if keysCharged then writeBucket(prefix .. 'keys:' .. token, keysTat) end
    usedKeys = usedKeys or {}
    local wait = math.max(0, math.ceil(waitOf(keysTat, keyInterval, keyCapacity)))
    usedKeys[tostring(nth)] = { (keysTat - clock) / keyCapacity, wait }
  end
  if tat then
    if charged then writeBucket(quotaKey, tat) end
    limits[#limits + 1] = restOf(tat, interval, capacity)
  end
end

for name, bucket in pairs(userBuckets) do
  if bucket.charged then writeBucket(prefix .. name, bucket.tat) end
  ofUsers = ofUsers or {}
  ofUsers[name] = restOf(bucket.tat, bucket.interval, bucket.capacity)
end

-- This also removes the time to live, because a head must not expire while messages are pending.
if #newHeads > 0 then redis.call('MSET', unpack(newHeads)) end

results = cjson.encode(results)
-- If nothing was accepted, a resend may be treated as a new batch.
if accepted > 0 then
  pending = redis.call('INCRBY', prefix .. 'pending', accepted)
  if keptTo > 0 then records = table.concat(kept) .. string.sub(records, keptTo + 1) end
  local chats = table.concat(index)
  redis.call('HSET', batchKey, 'chats', chats, 'results', results)
  if keyed then redis.call('HSET', batchKey, 'keepMs', keepMs) end
  -- Every batch has them until one that has them is stored: if a batch is lost, a later one still says it.
  if #numberings > 0 then redis.call('HSET', batchKey, 'numberings', table.concat(numberings)) end
  -- Not a field of the hash, of which a reader of one message would have to get everything.
  redis.call('SET', prefix .. 'records:' .. batch, records)
  -- By Redis' clock, because the clocks of the processes differ.
  redis.call('ZADD', KEYS[1], string.format('%d', clock), batch)
  -- Wakes live streams. Subscribers get it after the fsync of this script's writes, as the caller gets the reply. A user
  -- without rights on the channel is refused, which must not look as if nothing was accepted.
  redis.pcall('SPUBLISH', prefix .. 'live', chats)
end
return replyWith(results, #limits > 0 and limits or nil, usedKeys, ofUsers)
