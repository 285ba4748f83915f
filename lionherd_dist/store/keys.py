"""Every key there is, written down once. Pure.

All keys of a namespace share one hash tag, so that a script may touch several of them on a Redis
Cluster. ``P`` is a session id, ``J`` a job id (``P-n``, the n-th job that session P opened).

=================  ======  ==========================================  =======================
key                type    content                                     written by / goes when
=================  ======  ==========================================  =======================
sessions           zset    P -> expires at (server ms)                 hello, beat / quit, reap
slots              hash    P -> a worker's slots, ``*`` -> their sum   hello / quit, reap
opened             hash    P -> highest job number it opened           submit / quit, reap
names              hash    P -> names of the tasks that a worker       hello / quit, reap
                           knows, a space after each
owned:P            set     J of the jobs that P has open               submit / with the jobs
calls              stream  c: "J index attempt deadline deaths",       submit, finish, promote,
                           p: payload; group ``workers``, a consumer   reap / entry: finish,
                           is a P                                      cancel, reap
job:J              hash    limit, cap, next, released, consumed, done, submit / when the last
                           total, deadline, owner, inbox, cancelled,   outcome is recorded; if
                           keep; reader, read, place (see attach.lua)  kept: is read; TTL
job:J:backlog      list    payloads not yet released, in order         submit / release, cancel
job:J:hand         hash    index -> entry id in calls, or ``parked``   release / finish, cancel
job:J:solo         hash    index -> "deaths entry": how often it died  alone, reap / with the job
                           alone, and as which entry it runs alone
job:J:outcomes     stream  of a kept job: j: J, index: outcome         finish / advance; TTL
kept               zset    J -> when its outcomes expire (server ms),  submit, finish / advance,
                           0 while it is not done                      reap
due                zset    "J index" -> due at (server ms)             finish / promote, cancel
parked             hash    "J index" -> "attempt deadline deaths       finish / promote, cancel
                           payload"
inbox:P            stream  j: J, then index: outcome pairs, or end:    finish / trimmed by P as
                           a cancelled job has stopped everywhere      it reads; TTL; quit
control            stream  cancel: J                                   cancel, reap / capped; TTL
dead               stream  j, i, c, p as above, o: the outcome; or an  finish, bury / capped; TTL
                           entry that was no call, as it came
=================  ======  ==========================================  =======================
"""

from lionherd_dist.settings import check_namespace

SCHEMA = 1  # raised when keys or scripts change so that old and new processes must not mix
CONTROL_TTL_MS = 3_600_000  # a worker that heard nothing for an hour is long dead
DEAD_TTL_MS = 7 * 24 * 3_600_000
INBOX_TTL_SESSIONS = 4  # an inbox outlives its silent owner by this many sessions


class Keys:
    """The names of one namespace's keys; what each holds stands in the table above."""

    __slots__ = (
        "calls",
        "control",
        "dead",
        "due",
        "names",
        "namespace",
        "opened",
        "parked",
        "prefix",
        "sessions",
        "slots",
    )

    def __init__(self, namespace: str) -> None:
        check_namespace(namespace)
        self.namespace = namespace
        prefix = self.prefix = f"ld{SCHEMA}:{{{namespace}}}:"
        self.sessions = prefix + "sessions"
        self.slots = prefix + "slots"
        self.opened = prefix + "opened"
        self.calls = prefix + "calls"
        self.due = prefix + "due"
        self.parked = prefix + "parked"
        self.control = prefix + "control"
        self.dead = prefix + "dead"
        self.names = prefix + "names"

    def inbox(self, session: str) -> str:
        """The stream of outcomes for the jobs of *session*."""
        return f"{self.prefix}inbox:{session}"

    def job(self, job: str) -> str:
        """The hash of *job*; its other keys begin with this one."""
        return f"{self.prefix}job:{job}"

    def owned(self, session: str) -> str:
        """The set of the jobs that *session* has open."""
        return f"{self.prefix}owned:{session}"
