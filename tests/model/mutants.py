"""Faults sown into the scripts, each of which the model must catch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import lionherd_dist.store
from lionherd_dist.store.scripts import Script
from model.driver import ALL

LUA = Path(lionherd_dist.store.__file__).parent / "lua"


@dataclass(frozen=True, slots=True)
class Mutant:
    """In *file*, *old*, which stands there once, becomes *new*."""

    name: str
    file: str
    old: str
    new: str

    def scripts(self) -> Mapping[str, Script]:
        """The scripts that have the fault.

        Raises:
            ValueError: the file does not have *old* once; the mutant must follow the script.
        """
        whole = (LUA / f"{self.file}.lua").read_text()
        count = whole.count(self.old)
        if count != 1:
            raise ValueError(
                f"{self.name}: {self.file}.lua has {self.old!r} {count} times, not once"
            )
        changed = whole.replace(self.old, self.new)
        return {
            name: _script(name, script.text.replace(whole, changed))
            for name, script in ALL.items()
            if whole in script.text
        }


def _script(name: str, text: str) -> Script:
    return Script(name, text, hashlib.sha1(text.encode()).hexdigest())


_EXPIRED = "tonumber(redis.call('ZSCORE', keys.sessions, session) or 0) <= now"

MUTANTS = (
    # finish
    Mutant(
        "finish_ignores_the_hand", "_settle", "held[k] ~= entry and running ~= entry", "not job"
    ),
    Mutant("finish_believes_the_expired", "finish", f"if {_EXPIRED} then", "if false then"),
    Mutant(
        "finish_keeps_the_entry",
        "finish",
        "redis.call('XDEL', keys.calls, unpack(ARGV, over, last))",
        "type(0)",
    ),
    Mutant(
        "finish_does_not_acknowledge",
        "finish",
        "redis.call('XACK', keys.calls, 'workers', unpack(ARGV, over, last))",
        "redis.call('XACK', keys.calls, 'workers', '0-1')",
    ),
    Mutant("finish_releases_nothing", "finish", "release(keys, id, job, leaving)", "0"),
    Mutant(
        "finish_counts_what_leaves",
        "finish",
        "release(keys, id, job, leaving)",
        "release(keys, id, job)",
    ),
    Mutant("finish_does_not_count", "finish", "job.done = job.done + #over", "job.done = job.done"),
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
    Mutant("finish_ends_what_goes_on", "finish", "local over = 6 + ARGV[5]", "local over = 6"),
    Mutant("finish_paces_by_any_end", "_settle", "verb == 'done' and entry", "entry"),
    Mutant("call_of_finds_the_first", "_requeue", "payloads[at], {", "payloads[1], {"),
    Mutant("reap_loses_what_follows", "_give_on", "    take_back(", "    type("),
    Mutant("reap_blames_the_first", "_give_on", "payloads[at])", "payloads[1])"),
    Mutant("reap_looks_at_the_first_only", "_give_on", "first + count - 1", "first + 0"),
    Mutant("reap_hands_out_in_a_row_again", "_give_on", "died == 0 and 1 or singly", "1"),
    Mutant("reap_suspects_where_nobody_died", "_give_on", "died == 0 and 1 or singly", "singly"),
    # submit
    Mutant("submit_accepts_a_chunk_twice", "submit", "job.next - tonumber(first)  --", "0  --"),
    Mutant(
        "submit_reopens_an_ended_job",
        "submit",
        "tonumber(number) > tonumber(redis.call('HGET', opened, session) or 0)",
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
    # sessions
    Mutant("hello_counts_no_slots", "hello", "redis.call('HINCRBY', slots, '*', ARGV[4])", ""),
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
    Mutant("quit_keeps_the_slots", "quit", "redis.call('HINCRBY', slots, '*', -mine)", ""),
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
    Mutant("reap_does_not_count_deaths", "_give_on", "deaths + died}", "deaths}"),
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
    Mutant("reap_keeps_the_slots", "reap", "redis.call('HINCRBY', KEYS[3], '*', -slots)", ""),
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
    Mutant("attach_to_any_job", "attach", "keep == '0' or", ""),
    Mutant("attach_to_a_cancelled_job", "attach", " or cancelled == '1'", ""),
    Mutant("attach_beside_another", "attach", "return {0, reader}", ""),
    Mutant("attach_waits_for_the_dead", "attach", "or 0) > now then", "or 0) > 0 then"),
    Mutant("attach_is_late_by_one", "attach", "or 0) > now then", "or 0) >= now then"),
    Mutant("attach_twice_is_refused", "attach", "reader ~= me", "true"),
    Mutant("attach_forgets_how_far", "attach", "tonumber(read or 0)", "0"),
    Mutant("attach_leaves_no_name", "attach", "redis.call('HSET', job, 'reader', me)", ""),
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
