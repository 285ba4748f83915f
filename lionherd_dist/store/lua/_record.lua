-- _record: prepended where a call ends: its outcome goes to the client, or is kept for whoever
-- attaches later, one entry for each, which is there until a reader is done with it.
-- USES _life
-- USES _jobs
local function record(prefix, id, job, news, ended_at)
  if job.keep == 0 then
    if not redis.call('XADD', job.inbox, 'NOMKSTREAM', '*', unpack(news)) then
      redis.call('XADD', job.inbox, '*', unpack(news))
      live_on(job.inbox)  -- its reader's next beat sets a shorter one, and renews it
    end
    return
  end
  for k = 3, #news, 2 do redis.call('XADD', job.inbox, '*', 'j', id, news[k], news[k + 1]) end
  live_with_job(job.inbox)
  if ended_at then expire_kept(prefix, id, job, ended_at) end
end

-- A call that can never succeed leaves a letter besides its outcome.
local function bury(keys, id, index, header, payload, outcome, dead_ttl)
  redis.call('XADD', keys.dead, 'MAXLEN', '~', '10000', '*', 'j', id, 'i', index,
    'c', header, 'p', payload, 'o', outcome)
  redis.call('PEXPIRE', keys.dead, dead_ttl)
  keys.letters = keys.letters or {}
  table.insert(keys.letters, id .. ' ' .. index)
end
