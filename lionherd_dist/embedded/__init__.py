"""The private server and the child processes that end with their parent, however it ends.

``find`` knows where a server program is, ``lifeline`` how a process is tied to ours, ``child`` is
such a process, and ``server`` a whole fresh server. The only room that starts processes.
"""
