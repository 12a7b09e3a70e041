# What every setup step begins with; its parameters and its own text follow.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
LC_ALL=C.UTF-8
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_SUSPEND=1
export PATH HOME LC_ALL DEBIAN_FRONTEND NEEDRESTART_SUSPEND
umask 022

SANDPLAN=/var/lib/sandplan

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# shellcheck source=/dev/null
. /etc/os-release
case ${ID-}:${VERSION_ID-} in
  ubuntu:22.04 | ubuntu:24.04 | debian:12) ;;
  *) fail "this is ${PRETTY_NAME:-no known system}; packages and tools can be installed on Ubuntu 22.04, Ubuntu 24.04 and Debian 12. Choose another image." ;;
esac

# Runs a command up to four times, with longer and longer pauses.
retry() {
  pause=${RETRY_PAUSE:-5}
  for left in 3 2 1 0; do
    "$@" && return 0
    code=$?
    [ "$left" -gt 0 ] || return "$code"
    printf 'failed with %s, trying again in %s s\n' "$code" "$pause"
    sleep "$pause"
    pause=$((pause * 2))
  done
}

# Settings for every apt-get, also for those that other programs start.
mkdir -p "$SANDPLAN"
cat >"$SANDPLAN/apt.conf" <<'END'
DPkg::Lock::Timeout "600";
DPkg::Options { "--force-confdef"; "--force-confold"; };
Acquire::Retries "3";
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Color "false";
Dpkg::Use-Pty "false";
END
APT_CONFIG=$SANDPLAN/apt.conf
export APT_CONFIG

# Reads one repository: apt_update_only FILE.
apt_update_only() {
  apt-get -q update -o "Dir::Etc::sourcelist=$1" -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any
}

# Fetches a file to a place, whole or not at all: fetch URL PLACE.
fetch() {
  mkdir -p "$(dirname "$2")"
  curl -fsSL --connect-timeout 20 --retry 5 --retry-connrefused -o "$2.new" "$1" &&
    chmod 0644 "$2.new" && mv -f "$2.new" "$2"
}

# Runs a command as the user that sandboxes belong to.
as_agent() {
  (cd /home/agent && runuser -u agent -- env HOME=/home/agent USER=agent LOGNAME=agent "$@")
}

has_systemd() {
  [ -d /run/systemd/system ]
}

# The major version of the Node that is installed.
node_major() {
  node --version | sed 's/^v\([0-9]*\)\..*/\1/'
}

# Tells whether a text holds a version as a whole: has_version TEXT VERSION.
has_version() {
  printf '%s\n' "$1" | tr -c 'A-Za-z0-9.+_\n-' '\n' | sed 's/^v//' | grep -qxF -e "$2"
}
