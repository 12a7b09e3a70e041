#!/usr/bin/env bash
# A tour of the Hetzner emulator with the official command line `hcloud`.
# usage: HCLOUD_ENDPOINT=URL HCLOUD_TOKEN=64-CHARACTERS tour.sh
set -euo pipefail

HOME=$(mktemp -d)
export HOME
trap 'rm -rf "$HOME"' EXIT
say() { echo "tour.sh: $*" >&2; }
same() { [ "$1" = "$2" ] || { say "'$1' is not '$2'"; exit 1; }; }
refused() {
  local code=$1 output
  shift
  if output=$("$@" 2>&1); then say "not refused: $*"; exit 1; fi
  case $output in *"$code"*) ;; *) say "$* says '$output', not $code"; exit 1 ;; esac
}

say catalogue
hcloud location list -o noheader -o columns=name | grep -x ash >/dev/null
hcloud server-type describe cpx32 | grep 'Cores:[[:space:]]*4' >/dev/null
hcloud image list -t system -o noheader -o columns=name | grep -x ubuntu-22.04 >/dev/null

say 'ssh key, firewall'
ssh-keygen -q -t ed25519 -N '' -f "$HOME/key"
hcloud ssh-key create --name laptop --public-key-from-file "$HOME/key.pub" --label tour=yes >/dev/null
hcloud firewall create --name agents >/dev/null
hcloud firewall add-rule agents --direction in --protocol tcp --port 22 --source-ips 203.0.113.0/24 >/dev/null 2>&1

say create
hcloud server create --name web-1 --type cpx32 --image ubuntu-24.04 --location ash \
  --ssh-key laptop --firewall agents --label env=prod >/dev/null
hcloud server create --name web-2 --type cpx32 --image debian-12 --location ash --label env=dev >/dev/null
refused uniqueness_error hcloud server create --name web-1 --type cpx32 --image ubuntu-24.04 --location ash
refused invalid_input hcloud server create --name web_1 --type cpx32 --image ubuntu-24.04

say list
same "$(hcloud server list -o noheader -o columns=name,status | tr -s ' ' | sort | xargs)" 'web-1 running web-2 running'
same "$(hcloud server list -l 'env in (dev)' -o noheader -o columns=name)" web-2
hcloud server ip web-1 | grep '^198\.18\.' >/dev/null

say change
hcloud server add-label web-1 tier=front >/dev/null
hcloud server update web-1 --name web-one >/dev/null
same "$(hcloud server list -l tier=front -o noheader -o columns=name)" web-one
refused server_not_stopped hcloud server change-type web-one cpx42 --keep-disk
hcloud server poweroff web-one >/dev/null
hcloud server change-type web-one cpx42 --keep-disk >/dev/null
same "$(hcloud server list -l tier=front -o noheader -o columns=type 2>/dev/null || hcloud server describe web-one -o format='{{.ServerType.Name}}')" cpx42
hcloud server rebuild web-one --image debian-12 >/dev/null
same "$(hcloud server describe web-one -o format='{{.Image.Name}}')" debian-12

say snapshot
hcloud server create-image web-one --type snapshot --description warm --label tour=yes >/dev/null
image=$(hcloud image list -t snapshot -l tour=yes -o noheader -o columns=id)
same "$(hcloud image describe "$image" -o format='{{.Description}} {{.Status}}')" 'warm available'
hcloud image delete "$image" >/dev/null

say protect
hcloud server enable-protection web-one delete rebuild >/dev/null
refused protected hcloud server delete web-one
hcloud server disable-protection web-one delete rebuild >/dev/null

say delete
refused resource_in_use hcloud firewall delete agents
hcloud server delete web-one >/dev/null
hcloud server delete web-2 >/dev/null
hcloud firewall delete agents >/dev/null
hcloud ssh-key delete laptop >/dev/null
same "$(hcloud server list -o noheader)$(hcloud primary-ip list -o noheader)" ''
say done
