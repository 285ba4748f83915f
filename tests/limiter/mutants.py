"""Faults sown into the limiter's scripts, each of which the model must catch."""

from model.mutants import Mutant

MUTANTS = (
    Mutant(
        "lends_more_than_there_are",
        "_held",
        "return limiter.total - limiter.lent",
        "return limiter.total",
    ),
    Mutant("lends_to_the_dead", "_lend", "if alive[owner] then", "if true then"),
    Mutant("lends_to_the_last_first", "_lend", "'ZPOPMIN'", "'ZPOPMAX'"),
    Mutant("lends_while_it_is_shut", "_held", "if house.now < limiter.shut then", "if false then"),
    Mutant("tells_nobody", "_lend", "if owner ~= own then", "if false then"),
    Mutant("a_job_is_served_once", "_lend", "then enqueue(limiter, id) end", "then end"),
    Mutant(
        "a_jobs_calls_hold_nothing",
        "_lend",
        "hold(limiter, id .. '/' .. string.format('%d', first + k))",
        "type(k)",
    ),
    Mutant("a_job_takes_all_at_once", "_lend", "alone and free or 1", "free"),
    Mutant(
        "an_ended_request_comes_back",
        "lend",
        "math.max(first, (whole(redis.call('HGET', limiter.seen, session)) or 0) + 1)",
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
        "in_parts('ZREM', limiter.held, over) < ends",
        "ends > 0",
    ),
    Mutant(
        "what_ends_stays_queued",
        "lend",
        "then in_parts('ZREM', limiter.queue, over) end",
        "then end",
    ),
    Mutant("the_hasty_wait", "lend", "hasty_from + hasty - 1 do", "0 do"),
    Mutant(
        "nobody_looks_for_the_dead",
        "lend",
        "or look then drop_dead",
        "then drop_dead",
    ),
    Mutant("a_first_word_drops_nobody", "_limiter", "return is_new", "return false"),
    Mutant("the_dead_are_kept", "tend", "drop_dead(house, limiter)", "{}"),
    Mutant(
        "a_jobs_lost_place_stays_lost",
        "tend",
        "ask_for_tokens(house, limiter, drop_dead(house, limiter))",
        "drop_dead(house, limiter)",
    ),
    Mutant("a_job_sent_away_is_forgotten", "leave", "if is_job(ARGV[1]) then", "if false then"),
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
    Mutant(
        "overtakes_those_who_wait",
        "_lend",
        "redis.call('EXISTS', limiter.queue) == 1, 0",
        "false, 0",
    ),
    Mutant("what_is_lent_at_once_is_not_held", "_lend", "hold_first(limiter, new, count)", ""),
    Mutant(
        "who_finds_nothing_free_is_forgotten",
        "_lend",
        "'ZADD', limiter.queue, rest",
        "'ZADD', limiter.queue, {}",
    ),
    Mutant("tokens_stay_for_ever", "_held", "limiter.bare or limiter.lent == 0", "limiter.bare"),
    Mutant("a_queue_stays_for_ever", "_lend", "limiter.bare or not others_wait", "limiter.bare"),
    Mutant("an_owner_stays_for_ever", "_limiter", "if not (renew or limiter.bare)", "if not renew"),
    Mutant("a_number_loses_its_tens", "_held", "tens > 0", "tens > 1"),
    Mutant("ends_that_count_on_end_once", "lend", "count_on(session, run, ends)", "{mine .. run}"),
    Mutant("a_fence_comes_twice", "_held", "last_fence(limiter) + 1\n", "last_fence(limiter)\n"),
    Mutant("fences_at_once_count_for_nothing", "_held", "limiter.fence = fence + count", ""),
    Mutant(
        "who_asks_twice_waits_twice", "_queue", "'NX', limiter.ticket + 1", "limiter.ticket + 1"
    ),
    Mutant(
        "what_makes_a_tree_stays_in_it",
        "_held",
        "if outgrows then redis.call('ZREM', limiter.held, LONG) end",
        "",
    ),
    Mutant("fences_start_again", "_held", "micros * FENCES_PER_MICRO", "0"),
    Mutant(
        "fences_are_forgotten",
        "_limiter",
        "limiter.shut = whole(found[3], -LAST_WHOLE) or 0,",
        "limiter.shut = 0,",
    ),
    Mutant("a_lost_place_is_not_told", "lend", "if not has(limiter", "if false and has(limiter"),
    Mutant(
        "a_holder_has_lost_its_place",
        "_queue",
        "or redis.call('ZSCORE', limiter.held, member)",
        "",
    ),
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
        "redis.call('HDEL', key .. ':seen', id)",
        "type(id)",
    ),
)
