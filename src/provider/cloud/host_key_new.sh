# Makes a host key beside the one in force, and prints its public half.
set -eu
umask 077
cd /etc/ssh
rm -f sandplan_host_key sandplan_host_key.pub
ssh-keygen -q -t ed25519 -N '' -C '' -f sandplan_host_key
cat sandplan_host_key.pub
