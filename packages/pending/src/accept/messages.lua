-- The rest of the accept script: numbers the messages, writes them, and replies.

local accepted, keyed, results, limits = 0, false, {}, {}
-- A line per chat: token and epoch ('': those of the line before), chat number, chat id, check sum, and where its records are.
local index, indexed = {}, nil
-- A line per chat of which MySQL does not know yet that this incarnation assigns its numbers: which line of the index it is, the
-- ordinal of the incarnation, the first number that it assigned, and a check sum.
local numberings = {}
-- All items' records, where the next one begins, and those of the accepted messages before the last refused item.
local records, at, kept, keptTo = ARGV[10], 1, {}, 0
-- The length of all accepted messages' records.
local offset = 0

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
  -- The chat's id, its last number, and unless the head is distrusted: the incarnation's ordinal, the first number that it
  -- assigned in this chat, a + until a worker has stored these two, and the incarnation.
  local id, last, others = string.match(heads[nth] or '', '^(%d+) (%d+)(.*)$')
  last = tonumber(last or 0)
  local current = others ~= nil and string.sub(others, -#incarnation) == incarnation
  local trusted = current
  if not trusted and loadedUnder == incarnation then
    id = loadedId
    last = math.max(last, tonumber(loadedLast))
    -- The head may be lost, or older than the pending messages.
    local newest = redis.call('LINDEX', pendingKey, -1)
    if newest then
      last = math.max(last, tonumber(string.match(newest, '^%d+ (%d+) ') or 0))
    end
    others = string.format(' %s %d+ %s', loadedNumbering, last + 1, incarnation)
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
    elseif bucket and isUsedUp(bucket) then
      result = 'user-limited'
    elseif digest or held then
      held = held or doubtOf(key.time, key.askedAt, key.stored)
      if not held and isOwn and waitOf(keysTat, keyInterval, keyCapacity) > 0.001 then held = 'keys' end
      if not held and keyBucket and isUsedUp(keyBucket) then held = 'user-keys' end
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
    -- The first and the last number, the first record's offset, and the records' lengths in bytes. A reader counts these, and so notices
    -- a flipped bit in a number.
    local range = string.format('%d %d %d %s', first, last, start, #lengths == item and ARGV[group + 5] or table.concat(lengths, ','))
    local owner = epoch == 0 and token or token .. '/' .. epoch
    local sum = checkSum(id, epoch, first, #lengths, start)
    index[#index + 1] = string.format('%s %s %s %d %s\n', owner == indexed and '' or owner, chat, id, sum, range)
    indexed = owner
    if string.find(others, '+', 1, true) then
      local numbering, since = string.match(others, '(%d+) (%d+)')
      numberings[#numberings + 1] =
        string.format('%d %s %s %d\n', #index, numbering, since, checkSum(id, numbering, since, 0, 0))
    end
    redis.call('RPUSH', pendingKey, range .. ' ' .. batch)
  end
  if last >= first or trusted and not current then
    newHeads[#newHeads + 1], newHeads[#newHeads + 2] = headKey, string.format('%s %d%s', id, last, others)
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
  -- It is no field of the hash: a reader of one message would have to read it whole.
  redis.call('SET', prefix .. 'records:' .. batch, records)
  -- By Redis' clock, because the clocks of the processes differ.
  redis.call('ZADD', KEYS[1], string.format('%d', clock), batch)
  -- Wakes live streams. Subscribers get it after the fsync of this script's writes, as the caller gets the reply. A user
  -- without rights on the channel is refused, which must not look as if nothing was accepted.
  redis.pcall('SPUBLISH', prefix .. 'live', chats)
end
return replyWith(results, #limits > 0 and limits or nil, usedKeys, ofUsers)
