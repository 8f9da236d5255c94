-- A part of the accept script: the limits of applications and their users.

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
local function isUsedUp(bucket) return waitOf(bucket.tat, bucket.interval, bucket.capacity) > 0.001 end
local function take(bucket) bucket.tat, bucket.charged = bucket.tat + bucket.interval, true end
