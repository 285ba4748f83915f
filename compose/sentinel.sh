#!/bin/sh
# A sentinel: what it learns, it writes to its own file, which it goes on with when it is restarted.
#   $1: the address of the first master; a name would do until its container is gone.
set -eu
umask 077
if [ ! -e /data/sentinel.conf ]; then
  sed "s/MASTER/$1/" /compose/sentinel.conf >/data/new.conf
  printf 'sentinel auth-pass mymaster %s\n' "$(cat /secrets/sentinel)" >>/data/new.conf
  mv /data/new.conf /data/sentinel.conf
fi
exec redis-server /data/sentinel.conf --sentinel
