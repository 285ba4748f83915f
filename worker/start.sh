#!/bin/sh
# The server's URL holds a password, and so comes in a file.
set -eu
LIONHERD_REDIS_URL=$(cat "$LIONHERD_REDIS_URL_FILE")
export LIONHERD_REDIS_URL
exec lionherd-dist "$@"
