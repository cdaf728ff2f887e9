-- The generic cell rate algorithm, as in gcra.rs, for all rules of a request at once: either every rule that is
-- enforced admits it and all are counted, or none is. Times are microseconds since 2025, by the clock of Redis;
-- in doubles they keep a fraction.
-- KEYS: one a rule. ARGV: 1 to count or 0 to look; then for each rule: nanoseconds from one to the next, burst, cost,
-- and 1 if it is enforced. Answers for each rule: 1 if it admits, microseconds the key is ahead, microseconds to wait.
local time = redis.call('TIME')
local now = (time[1] - 1735689600) * 1000000 + time[2]
local rounding = 0.5
local rows, refused = {}, false
for index, key in ipairs(KEYS) do
  local at = 4 * index - 2
  local interval, burst, cost = ARGV[at] / 1000, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local most = now + interval * burst
  local stored = tonumber(redis.call('GET', key) or now) or now
  -- Never further ahead than the burst: it may have been larger, or the clock was set back.
  local stands = math.min(math.max(stored, now), most)
  local after = stands + interval * cost
  local admits = after - most <= rounding
  rows[index] = { admits = admits, stands = stands, after = after, excess = after - most, shrunk = stored > most }
  refused = refused or (not admits and ARGV[at + 3] == '1')
end
local answer = {}
for index, row in ipairs(rows) do
  local to = row.stands
  local is_counted = row.admits and not refused
  if is_counted then
    to = row.after
  end
  -- What was shrunk is kept so, or it would be as far ahead at every try.
  if ARGV[1] == '1' and (is_counted or row.shrunk) then
    redis.call('SET', KEYS[index], string.format('%.3f', to), 'PX', math.ceil((to - now) / 1000) + 1)
  end
  answer[#answer + 1] = row.admits and 1 or 0
  answer[#answer + 1] = math.ceil(to - now)
  answer[#answer + 1] = row.admits and 0 or math.ceil(row.excess)
end
return answer
