#!/bin/sh
# Once for each cluster: a random password for every user of the given ACL files. In /secrets,
# users.acl then has the passwords' hashes, for the server; worker.url, client.url and scripts.url can
# be read by those alone whose they are, and the passwords of other users by the server's.
#   $1: the URL with USER and PASSWORD to be filled in; the rest: ACL files.
set -eu
umask 077
give() {
  chown 10001 /secrets/worker.url
  chown 10002 /secrets/client.url
  chown 10003 /secrets/scripts.url
}
if [ -e /secrets/users.acl ] && [ -e /secrets/scripts.url ]; then # older releases made no such URL
  give
  exit 0
fi
rm -f /secrets/users.acl
url=$1
shift
cat "$@" >/tmp/users
for user in $(sed -n 's/^user \([a-z]*\) on #SECRET .*/\1/p' /tmp/users); do
  password=$(head -c 32 /dev/urandom | sha256sum | cut -c 1-48)
  hash=$(printf %s "$password" | sha256sum | cut -c 1-64)
  sed -i "s/^user $user on #SECRET /user $user on #$hash /" /tmp/users
  case $user in
    worker | client | scripts)
      printf %s "$url" | sed "s/USER/$user/; s/PASSWORD/$password/" >"/secrets/$user.url"
      ;;
    *)
      printf %s "$password" >"/secrets/$user"
      chown redis "/secrets/$user"
      ;;
  esac
done
give
chmod 755 /secrets
cp /tmp/users /secrets/.users.acl
chown redis /secrets/.users.acl
mv /secrets/.users.acl /secrets/users.acl # last and at once: now it is complete
