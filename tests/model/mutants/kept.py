"""How outcomes are kept and read, and how long anything lives."""

from model.mutants.mutant import Mutant

KEPT = (
    # kept outcomes
    Mutant("kept_outcomes_come_as_one", "_record", "for k = 3, #news, 2 do", "for k = 3, 3 do"),
    Mutant("kept_outcomes_go_to_nobody", "_record", "if job.keep == 0 then", "if true then"),
    Mutant("kept_outcomes_stay_for_ever", "_record", "if ended_at then", "if false then"),
    Mutant("kept_outcomes_begin_without_an_end", "_record", "  live_with_job(job.inbox)\n", ""),
    Mutant(
        "kept_outcomes_outlive_their_job", "_jobs", "redis.call('PEXPIRE', job.inbox, job.keep)", ""
    ),
    Mutant(
        "a_kept_job_outlives_its_outcomes",
        "_jobs",
        "('PEXPIRE', job_key, job.keep)",
        "('PTTL', job_key)",
    ),
    Mutant("a_kept_job_is_listed_for_ever", "_jobs", "now + job.keep, id", "0, id"),
    Mutant("a_done_job_is_renewed", "_jobs", "redis.call('ZREM', prefix .. 'owned:', id)", ""),
    Mutant("an_ended_job_is_listed", "_jobs", "redis.call('ZREM', prefix .. 'kept', id)", ""),
    Mutant(
        "the_list_of_kept_jobs_only_grows",
        "reap",
        "prefix .. 'kept', 1, now",
        "prefix .. 'kept', 1, 2",
    ),
    Mutant(
        "a_kept_job_dies_with_its_client",
        "submit",
        "redis.call('ZREM', prefix .. 'owned:' .. session, id)",
        "",
    ),
    Mutant(
        "a_kept_job_ends_unread",
        "submit",
        "job.total == job.done and job.keep == 0",
        "job.total == job.done",
    ),
    Mutant("a_finished_kept_job_ends_unread", "finish", "if ended and job.keep == 0", "if ended"),
    Mutant(
        "total_last_keeps_for_ever",
        "submit",
        "if job.done == job.total then expire",
        "if false then expire",
    ),
    Mutant("attach_to_any_job", "attach", " or job.keep == 0", ""),
    Mutant("attach_to_a_cancelled_job", "attach", " or job.cancelled == 1", ""),
    Mutant("attach_beside_another", "attach", "return {0, reader}", ""),
    Mutant("attach_waits_for_the_dead", "attach", "or 0) > now then", "or 0) > 0 then"),
    Mutant("attach_is_late_by_one", "attach", "or 0) > now then", "or 0) >= now then"),
    Mutant("attach_twice_is_refused", "attach", "reader ~= me", "true"),
    Mutant("attach_forgets_how_far", "attach", "whole(read) or 0", "0"),
    Mutant("attach_leaves_no_name", "attach", "redis.call('HSET', key, 'reader', me)", ""),
    Mutant("advance_for_anybody", "advance", "if reader ~= me then", "if false then"),
    Mutant(
        "advance_counts_what_is_said_again",
        "advance",
        "redis.call('XDEL', job.inbox, entry) == 1",
        "redis.call('XDEL', job.inbox, entry)",
    ),
    Mutant(
        "advance_leaves_the_outcome",
        "advance",
        "redis.call('XDEL', job.inbox, entry)",
        "redis.call('XLEN', job.inbox)",
    ),
    Mutant("advance_never_ends", "advance", "if job.total == read then", "if false then"),
    Mutant("detach_by_anybody", "detach", "~= ARGV[1]", "== ''"),
    Mutant("detach_stays", "detach", "redis.call('HDEL', KEYS[1], 'reader')", "1"),
    # the life of what nobody is left to remove
    Mutant("a_hand_lives_for_ever", "_release", "live_with_job(key)", ""),
    Mutant("a_backlog_lives_for_ever", "submit", "live_with_job(job_key .. ':backlog')", "type(0)"),
    Mutant("a_job_lives_for_ever", "_jobs", "  live_with_job(job_key)\n", ""),
    Mutant("solo_marks_live_for_ever", "alone", "live_with_job(solo)", ""),
    Mutant("the_parked_live_for_ever", "_requeue", "live_on(keys.parked)", ""),
    Mutant("hello_begins_without_an_end", "hello", "renew_shared(prefix)", ""),
    Mutant("submit_begins_without_an_end", "submit", "    live_on(opened)\n", ""),
)
