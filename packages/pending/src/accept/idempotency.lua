-- A part of the accept script: idempotency keys.

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
