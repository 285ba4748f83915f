"""Faults sown into the limiter's scripts, each of which the model must catch."""

from model.mutants import Mutant

MUTANTS = (
    Mutant(
        "lends_more_than_there_are",
        "_lend",
        "limiter.total - redis.call('ZCARD', limiter.held)",
        "limiter.total",
    ),
    Mutant("lends_to_the_dead", "_lend", "elseif lives(house, owner) then", "else"),
    Mutant("lends_to_the_last_first", "_lend", "'ZPOPMIN'", "'ZPOPMAX'"),
    Mutant("lends_while_it_is_shut", "_lend", "if house.now < limiter.shut then", "if false then"),
    Mutant("tells_nobody", "_lend", "if owner ~= own then", "if false then"),
    Mutant("a_job_is_served_once", "_lend", "then enqueue(limiter, id) end", "then end"),
    Mutant(
        "a_jobs_calls_hold_nothing",
        "_lend",
        "hold(limiter, id .. '/' .. string.format('%d', i))",
        "type(i)",
    ),
    Mutant("a_job_takes_all_at_once", "_lend", "alone and free or 1", "free"),
    Mutant(
        "an_ended_request_comes_back",
        "lend",
        "math.max(first, redis.call('HGET', limiter.seen, session) + 1)",
        "first",
    ),
    Mutant(
        "what_was_seen_is_forgotten",
        "lend",
        "redis.call('HSET', limiter.seen, session, last)",
        "type(last)",
    ),
    Mutant(
        "an_expired_session_is_lent_to",
        "lend",
        "if not lives(house, session) then return {} end",
        "",
    ),
    Mutant(
        "what_ends_stays_held",
        "lend",
        "if redis.call('ZREM', limiter.held, member(ARGV[i])) == 0 then",
        "if true then",
    ),
    Mutant(
        "what_ends_stays_queued",
        "lend",
        "    redis.call('ZREM', limiter.queue, member(ARGV[i]))\n  end",
        "  end",
    ),
    Mutant("the_hasty_wait", "lend", "for i = 10 + ends, #ARGV do", "for i = 1, 0 do"),
    Mutant(
        "nobody_looks_for_the_dead",
        "lend",
        "  drop_dead(house, limiter)",
        "",
    ),
    Mutant("the_dead_are_kept", "tend", "drop_dead(house, limiter)", ""),
    Mutant(
        "tending_lends_nothing",
        "tend",
        "announce(house, limiter, lend_free(house, limiter), nil)",
        "",
    ),
    Mutant(
        "a_session_lives_a_moment_too_long", "_queue", "or 0) > house.now", "or 0) >= house.now"
    ),
    Mutant(
        "the_dead_keep_their_place", "_queue", "{limiter.held, limiter.queue}", "{limiter.held}"
    ),
    Mutant(
        "the_dead_keep_their_tokens", "_queue", "{limiter.held, limiter.queue}", "{limiter.queue}"
    ),
    Mutant("a_fence_comes_twice", "_queue", "limiter.fence = limiter.fence + 1", ""),
    Mutant(
        "who_asks_twice_waits_twice", "_queue", "'NX', limiter.ticket + 1", "limiter.ticket + 1"
    ),
    Mutant("fences_start_again", "_limiter", "micros * FENCES_PER_MICRO", "0"),
    Mutant(
        "an_unused_limiter_stays",
        "_limiter",
        "redis.call('UNLINK', limiter.key)",
        "",
    ),
    Mutant(
        "a_set_total_is_forgotten",
        "_limiter",
        "redis.call('HEXISTS', limiter.key, 'fixed') == 0",
        "true",
    ),
    Mutant("leaving_gives_nothing_back", "leave", "drop_owner(limiter, ARGV[1])", ""),
    Mutant(
        "resizing_lends_nothing",
        "resize",
        "announce(house, limiter, lend_free(house, limiter), nil)",
        "",
    ),
    Mutant(
        "a_finished_call_keeps_its_token",
        "_tokens",
        "redis.call('ZREM', held,",
        "type(",
    ),
    Mutant("a_finished_call_frees_it_for_nobody", "finish", "lend_touched(keys)", ""),
    Mutant("a_dropped_call_keeps_its_token", "_cancel", "give_back(keys, id, job, indexes)", ""),
    Mutant("a_cancelled_job_frees_it_for_nobody", "cancel", "lend_touched(keys)", ""),
    Mutant(
        "an_ended_job_stays_registered",
        "_jobs",
        "redis.call('HDEL', prefix .. 'limit:'",
        "type(prefix .. 'limit:'",
    ),
)
