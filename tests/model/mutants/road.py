"""How calls are submitted, released, told of and tried again."""

from model.mutants.mutant import Mutant

_EXPIRED = "tonumber(redis.call('ZSCORE', keys.sessions, session) or 0) <= now"

ROAD = (
    # finish
    Mutant(
        "finish_ignores_the_hand", "_settle", "held[k] ~= entry and running ~= entry", "not job"
    ),
    Mutant("finish_believes_the_expired", "finish", f"if {_EXPIRED} then", "if false then"),
    Mutant(
        "finish_keeps_the_entry",
        "finish",
        "redis.call('XDEL', keys.calls, unpack(ARGV, first_over, last))",
        "type(0)",
    ),
    Mutant(
        "finish_does_not_acknowledge",
        "finish",
        "redis.call('XACK', keys.calls, 'workers', unpack(ARGV, first_over, last))",
        "redis.call('XACK', keys.calls, 'workers', '0-1')",
    ),
    Mutant("finish_releases_nothing", "finish", "release(keys, id, job, told.leaving)", "0"),
    Mutant(
        "finish_counts_what_leaves",
        "finish",
        "release(keys, id, job, told.leaving)",
        "release(keys, id, job)",
    ),
    Mutant(
        "finish_does_not_count", "finish", "job.done = job.done + #told.over", "job.done = job.done"
    ),
    Mutant(
        "finish_forgets_its_count", "finish", "redis.call('HSET', job_key, 'done', job.done)", ""
    ),
    Mutant("release_forgets_the_count_of_finish", "_release", ", 'done', job.done)", ")"),
    Mutant(
        "release_sees_no_window", "_release", "job.limit < 1 or job.limit > window", "job.limit < 1"
    ),
    Mutant(
        "finish_never_ends_a_cancelled_job",
        "finish",
        "(job.cancelled == 1 and account_cancelled or account)",
        "(account)",
    ),
    Mutant("an_inbox_lives_for_ever", "_record", "live_on(job.inbox)", ""),
    Mutant("finish_retries_a_cancelled_call", "_settle", "job.cancelled == 0 and header", "header"),
    Mutant("finish_forgets_the_delay", "_settle", "now + delay)", "now)"),
    Mutant("the_end_is_never_told", "_jobs", "redis.call('XADD', inbox,", "type("),
    Mutant(
        "an_ended_job_keeps_its_owner",
        "_jobs",
        "redis.call('ZREM', prefix .. 'owned:' .. owner, id)",
        "",
    ),
    # calls that are handed out in a row
    Mutant("a_streak_never_grows", "_streak", "2 * job.streak", "job.streak"),
    Mutant("a_streak_grows_for_ever", "_streak", ", MOST_IN_A_STREAK)", ", 99)"),
    Mutant(
        "a_streak_ignores_the_cap", "_streak", ", job.consumed + job.cap - job.released,", ", 99,"
    ),
    Mutant(
        "a_streak_forgets_its_length", "_streak", ", 'streak', job.streak)\n  return", ")\n  return"
    ),
    Mutant("a_streak_is_counted_as_one", "_streak", "first + #fields / 2", "first + 1"),
    Mutant(
        "a_hand_with_a_streak_lives_for_ever", "_streak", "live_with_job(job_key .. ':hand')", ""
    ),
    Mutant("nothing_is_ever_handed_out_singly_for_long", "_streak", "job.streak + 1", "1"),
    Mutant("what_follows_comes_back_reversed", "_streak", "k = #rest, 1, -1", "k = 1, #rest"),
    Mutant(
        "what_follows_comes_back_and_counts",
        "_streak",
        ", job.released = streak, index + 1",
        " = streak",
    ),
    Mutant("what_follows_lives_for_ever", "_streak", "  live_with_job(job_key .. ':backlog')", ""),
    Mutant("finish_loses_what_follows", "_settle", "  take_back(", "  type("),
    Mutant("finish_hears_one_of_a_streak", "_settle", " and running ~= entry", ""),
    Mutant("finish_never_moves_on", "_settle", "if running then", "if false then"),
    Mutant(
        "finish_ends_what_goes_on",
        "finish",
        "local first_over = 7 + argument(5, 0, #ARGV)",
        "local first_over = 7",
    ),
    Mutant("finish_paces_by_any_end", "_settle", "verb == 'done' and entry", "entry"),
    Mutant("call_of_finds_the_first", "_requeue", "payloads[at], {", "payloads[1], {"),
    Mutant("reap_loses_what_follows", "_give_on", "    take_back(", "    type("),
    Mutant("reap_blames_the_first", "_give_on", "payloads[at])", "payloads[1])"),
    Mutant(
        "reap_looks_at_the_first_only", "_give_on", "for k = 0, count - 1 do", "for k = 0, 0 do"
    ),
    Mutant("reap_hands_out_in_a_row_again", "_give_on", "died == 0 and 1 or singly", "1"),
    Mutant("reap_suspects_where_nobody_died", "_give_on", "died == 0 and 1 or singly", "singly"),
    # submit
    Mutant("submit_accepts_a_chunk_twice", "submit", "job.next - tonumber(first)  --", "0  --"),
    Mutant(
        "submit_reopens_an_ended_job",
        "submit",
        "tonumber(number) > (whole(redis.call('HGET', opened, session)) or 0)",
        "true",
    ),
    Mutant("submit_fills_a_gap_with_anything", "submit", " or tonumber(first) > job.next", ""),
    Mutant(
        "submit_takes_credit_back",
        "submit",
        "math.max(job.consumed, tonumber(consumed))",
        "tonumber(consumed)",
    ),
    Mutant(
        "submit_writes_any_deadline",
        "submit",
        "math.min(now + tonumber(left), LAST_MOMENT)",
        "now + tonumber(left)",
    ),
    Mutant("submit_goes_on_when_cancelled", "submit", " or job.cancelled == 1", ""),
    # release
    Mutant(
        "release_ignores_the_limit", "_release", "job.limit > 0 and job.limit or window", "window"
    ),
    Mutant(
        "release_ignores_the_cap",
        "_release",
        ", job.consumed + job.cap - job.released",
        "",
    ),
    Mutant("release_ignores_the_hand", "_release", "window) - held", "window)"),
    Mutant("release_takes_the_newest_first", "_release", "'LPOP'", "'RPOP'"),
    Mutant(
        "release_counts_from_one", "_release", "job.released + count)", "job.released + count + 1)"
    ),
    # again and back
    Mutant("promote_is_early", "promote", "'-inf', now,", "'-inf', now + 1,"),
    Mutant("promote_loses_the_call", "promote", "    hand_out(", "    type("),
    Mutant("park_loses_the_deaths", "_requeue", "(%d+ %d+)$')", "(%d+) %d+$') .. ' 0'"),
    Mutant("cancel_forgets_the_parked", "_cancel", "unpark(keys, job_key, id, index)", ""),
    Mutant(
        "cancel_leaves_the_backlog", "_cancel", "redis.call('UNLINK', job_key .. ':backlog')", ""
    ),
    Mutant(
        "cancel_drops_what_runs",
        "_cancel",
        "sequence <= upto_sequence) then",
        "sequence < upto_sequence) then",
    ),
    Mutant("an_operators_cancel_is_not_told", "_jobs", "redis.call('XADD', prefix ..", "type("),
    Mutant("an_owner_is_told_of_its_own_cancel", "_cancel", " and job.owner ~= by then", " then"),
    Mutant("cancel_tells_nobody", "_cancel", "redis.call('XADD', keys.control,", "type("),
)
