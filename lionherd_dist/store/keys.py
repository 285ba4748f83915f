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
places             hash    P -> host:pid of its process, for people;   hello / quit, reap
                           /, its token (see places.py)
owned:P            zset    J that P has open -> renewed at (server     submit, beat / with the
                           ms); of no P: kept jobs that are not done   jobs
calls              stream  c: "J index attempt deadline deaths",       submit, finish, promote,
                           p: payload, and that of each call that      reap / entry: finish,
                           follows it in a streak (_streak.lua);       cancel, reap
                           group ``workers``, a consumer is a P
job:J              hash    limit, cap, next, released, consumed, done, submit / when the last
                           total, deadline, owner, cancelled, keep,    outcome is recorded; if
                           since, largest (bytes of a call),           kept: is read; TTL
                           failed (if any); of a kept job label (if
                           any), tasks (their names);
                           streak (calls in its next entry);
                           reader, read (attach); of a limiter:
                           limiter, tokens, quarantine
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
behind             set     J that could have had more calls released,  submit, finish, cancel and
                           or dropped, but for their size or number    others / promote, with the
                                                                       job
limits             set     names L of limiters                         lend, submit / with them
limit:L            hash    total, ticket, fence, shut (see             lend, resize, submit / when
                           _limiter.lua); fixed: somebody set total    nobody uses it; TTL if fixed
limit:L:held       zset    "P/n" or "J/index" -> fence                 as above / lend, finish,
                                                                       leave, tend
limit:L:queue      zset    "P/n" or J -> ticket, first come first      as above
limit:L:seen       hash    P -> highest n it asked with; J -> 0        as above / leave, tend,
                                                                       with the job
inbox:P            stream  j: J, then index: outcome pairs, or end:    finish, cancel, lend and
                           a cancelled job has stopped everywhere, or  others / trimmed by P as
                           cancelled: by somebody else than P; l: L,   it reads; TTL; quit
                           then n: fence pairs of tokens
control            stream  cancel: J, or behind: J                     cancel, reap and others /
                                                                       capped; TTL
dead               stream  j, i, c, p as above, o: the outcome; or an  finish, bury / capped; TTL
                           entry that was no call, as it came
aside              hash    names of keys that were not of the type     set_aside / TTL
                           in this table -> when they were renamed
                           to ``aside:`` and their name (server ms)
=================  ======  ==========================================  =======================

In the names of limiters, ``%`` and ``:`` are written ``%25`` and ``%3A``, so that no user's name
is the key of another limiter's queue. What stands here is what this package writes; what it reads
may be anything (see mending.py).

Every key has a time to live, so that a namespace in which everything died goes by itself: a job's
keys after seven days, what all jobs share after eight, unless the table says TTL. Each beat renews
what is shared, and those jobs of its session, or of nobody, that were last renewed a day ago (see
_life.lua).
"""

from lionherd_dist.settings import check_namespace

SCHEMA = 1  # raised when keys or scripts change so that old and new processes must not mix
CONTROL_TTL_MS = 3_600_000  # a worker that heard nothing for an hour is long dead
DEAD_TTL_MS = 7 * 24 * 3_600_000
INBOX_TTL_SESSIONS = 4  # an inbox outlives its silent owner by this many sessions


# What the first parts of a key's name say of its type, and for keys of which there are many, the
# last part, too: see the table.
SHARED_TYPES = {
    "sessions": "zset",
    "slots": "hash",
    "opened": "hash",
    "names": "hash",
    "places": "hash",
    "calls": "stream",
    "kept": "zset",
    "due": "zset",
    "parked": "hash",
    "behind": "set",
    "limits": "set",
    "control": "stream",
    "dead": "stream",
    "aside": "hash",
}
PART_TYPES = {
    "job": {"": "hash", "backlog": "list", "hand": "hash", "solo": "hash", "outcomes": "stream"},
    "limit": {"": "hash", "held": "zset", "queue": "zset", "seen": "hash"},
    "owned": {"": "zset"},
    "inbox": {"": "stream"},
}


def type_of(name: str) -> str | None:
    """The type of the key whose *name* follows a namespace's prefix; None for no key of ours."""
    kind, _, rest = name.partition(":")
    if not _:
        return SHARED_TYPES.get(name)
    _, _, part = rest.partition(":")
    return PART_TYPES.get(kind, {}).get(part)


def _written(name: str) -> str:
    """What people typed, as a part of a key's name."""
    return name.replace("%", "%25").replace(":", "%3A")


class Keys:
    """The names of one namespace's keys; what each holds stands in the table above."""

    aside: str
    calls: str
    control: str
    dead: str
    due: str
    kept: str
    limits: str
    names: str
    namespace: str
    opened: str
    parked: str
    places: str
    prefix: str
    sessions: str
    slots: str

    __slots__ = (
        "aside",
        "calls",
        "control",
        "dead",
        "due",
        "kept",
        "limits",
        "names",
        "namespace",
        "opened",
        "parked",
        "places",
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
        self.limits = prefix + "limits"
        self.places = prefix + "places"
        self.kept = prefix + "kept"
        self.aside = prefix + "aside"

    def inbox(self, session: str) -> str:
        """The stream of outcomes for the jobs of *session*."""
        return f"{self.prefix}inbox:{session}"

    def job(self, job: str) -> str:
        """The hash of *job*; its other keys begin with this one."""
        return f"{self.prefix}job:{_written(job)}"

    def limit(self, name: str) -> str:
        """The hash of a limiter; its other keys begin with this one."""
        return f"{self.prefix}limit:{_written(name)}"

    def owned(self, session: str) -> str:
        """The set of the jobs that *session* has open."""
        return f"{self.prefix}owned:{session}"
