-- A part of the scripts that write the chats of a batch: checkSum in batch-chats.ts. The chat's name is covered by the checksums of its
-- records. An epoch times its factor would be above 2^53, beyond which numbers are not exact.

local function checkSum(id, a, b, c, d)
  return ((id % 4294967296) * 524287 + (a % 4294967296) * 262139 + b * 131071 + c * 65521 + d * 32749) % 4294967296
end
