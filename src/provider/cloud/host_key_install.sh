# Puts the new host key in force. Connections that are open stay open.
set -eu
cd /etc/ssh
mv -f sandplan_host_key.pub ssh_host_ed25519_key.pub
mv -f sandplan_host_key ssh_host_ed25519_key
if [ -d /run/systemd/system ]; then
    systemctl restart ssh.service 2>/dev/null || systemctl restart sshd.service
else
    kill -HUP "$(cat /run/sshd.pid)"
fi
