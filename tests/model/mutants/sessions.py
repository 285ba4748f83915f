"""How sessions begin and end, and what the dead leave."""

from model.mutants.mutant import Mutant

SESSIONS = (
    # sessions
    Mutant("hello_counts_no_slots", "_enrol", "  add_slots(keys.slots, count)\n", ""),
    Mutant(
        "hello_takes_a_taken_name",
        "hello",
        "if redis.call('ZSCORE', sessions, session) then",
        "if false then",
    ),
    Mutant("beat_resurrects", "beat", "or 0) <= now then", "or 0) < 0 then"),
    Mutant("beat_is_late_by_one", "beat", "or 0) <= now then", "or 0) < now then"),
    Mutant(
        "quit_deletes_a_consumer_with_calls",
        "quit",
        "if #redis.pcall('XPENDING', calls_key, 'workers', '-', '+', 1, session) > 0 then",
        "if false then",
    ),
    Mutant(
        "quit_keeps_the_slots",
        "quit",
        "take_slots(slots, session)\n",
        "redis.call('HDEL', slots, session)\n",
    ),
    Mutant(
        "quit_leaves_its_jobs", "quit", "if redis.call('EXISTS', owned) == 1 then", "if false then"
    ),
    Mutant(
        "the_last_to_quit_leaves_keys",
        "quit",
        "redis.call('DEL', calls_key, slots, opened, names, control)",
        "",
    ),
    # reap
    Mutant(
        "reap_is_early_by_one",
        "reap",
        "keys.sessions, '-inf', now, 'LIMIT'",
        "keys.sessions, '-inf', now + 1, 'LIMIT'",
    ),
    Mutant(
        "reap_is_late_by_one",
        "reap",
        "keys.sessions, '-inf', now, 'LIMIT'",
        "keys.sessions, '-inf', '(' .. now, 'LIMIT'",
    ),
    Mutant(
        "reap_keeps_the_old_entry_in_hand",
        "_give_on",
        "hand_out(keys.calls, job_key, index, header, payloads[at])",
        "redis.call('XADD', keys.calls, '*', 'c', header, 'p', payloads[at])",
    ),
    Mutant("reap_does_not_count_deaths", "_give_on", "deaths + died)", "deaths)"),
    Mutant("reap_does_not_count_attempts", "_give_on", "attempt + died,", "attempt,"),
    Mutant(
        "reap_gives_on_what_is_cancelled",
        "_give_on",
        "if job and job.cancelled == 0 then",
        "if job then",
    ),
    Mutant("reap_counts_quitting_as_death", "reap", "and 1 or 0", "and 1 or 1"),
    Mutant("reap_overlooks_the_silent_reader", "reap", "table.insert(dead, fields[2])", ""),
    Mutant(
        "reap_forgets_before_it_is_done",
        "reap",
        "if room > upto and upto == #jobs then forget",
        "if true then forget",
    ),
    Mutant("reap_keeps_the_slots", "reap", "take_slots(KEYS[3], session)", ""),
    Mutant(
        "reap_gives_no_job_up",
        "reap",
        "cancel_job(keys, prefix, jobs[upto + 1], ARGV[3], session) >= 0",
        "true",
    ),
    Mutant(
        "reap_does_not_blame_the_lonely",
        "_give_on",
        "    note_death_alone(job_key, index, entry, died)\n",
        "",
    ),
    Mutant(
        "alone_counts_twice", "alone", "deaths .. ' ' .. ARGV[3]", "(deaths + 1) .. ' ' .. ARGV[3]"
    ),
    Mutant(
        "alone_hears_late_words",
        "alone",
        "if redis.call('HGET', job_key .. ':hand', ARGV[2]) ~= ARGV[3] then",
        "if false then",
    ),
)
