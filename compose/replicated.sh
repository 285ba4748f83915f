#!/bin/sh
# A server that has a replica or is one: sentinels change its part, which it keeps in its own file.
#   $1: the address of the server that it follows at first; none for the first master.
set -eu
umask 077
if [ ! -e /data/redis.conf ]; then
  cp /compose/redis.conf /data/new.conf
  {
    printf 'repl-diskless-sync-delay 0\n' # there is one replica: nothing to wait for
    printf 'masteruser replica\nmasterauth %s\n' "$(cat /secrets/replica)"
    [ $# -eq 0 ] || printf 'replicaof %s 6379\n' "$1"
  } >>/data/new.conf
  mv /data/new.conf /data/redis.conf
fi
exec redis-server /data/redis.conf
