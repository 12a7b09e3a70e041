"""First process of a machine's body: a small cloud-init, then sshd.

Runs inside the sandbox as root. Does what Debian's and Ubuntu's cloud-init do
with the keys below, in their order, and nothing else: ssh_keys, users,
ssh_authorized_keys, bootcmd, write_files, (sshd starts), runcmd. As there, a
step of runcmd that fails stops nothing, and boot-finished comes after all.

Where the platform has an agent in the guest, it is this as well: `accounts` are
made with their keys, now and whenever they change, and `startup_script` is run
at every start.
"""

import base64
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys

BODY = json.loads(pathlib.Path("/run/emulator/body.json").read_text())
CLOUD = pathlib.Path("/var/lib/cloud/instances", BODY["instance"])
LOG = pathlib.Path("/var/log/cloud-init-output.log")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ERRORS = []

CLOUD_INIT = """#!/bin/sh
# Stands for cloud-init: `cloud-init status [--wait]`.
if [ "$1" = status ]; then
  while [ "$2" = --wait ] && ! [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.1; done
  status=$(cat /run/cloud-init/status)
  echo "status: $status"
  [ "$status" != error ] || exit 1
fi
"""


def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)


def system_files():
    """What an image brings: accounts, the release, a host name."""
    for place in ["/run/sshd", "/run/lock", "/var/log", "/var/tmp", "/home", "/root/.ssh"]:
        pathlib.Path(place).mkdir(parents=True, exist_ok=True)
    os.chmod("/root", 0o700)
    for place in ["/etc", "/var", "/var/lib", "/home"]:
        pathlib.Path(place).mkdir(exist_ok=True)
        os.chmod(place, 0o755)
    os.chmod("/var/tmp", 0o1777)
    for place in ["sources.list.d", "preferences.d", "keyrings"]:
        pathlib.Path("/etc/apt", place).mkdir(parents=True, exist_ok=True)
    if not os.path.exists("/etc/passwd"):
        write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
              "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
              "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
              "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n")
        write("/etc/group", "root:x:0:\ntty:x:5:\nsudo:x:27:\nnogroup:x:65534:\n")
        write("/etc/shadow", "root:*:20000:0:99999:7:::\n", 0o640)
        write("/etc/profile", f"PATH={PATH}\n"
              "for i in /etc/profile.d/*.sh; do [ ! -r \"$i\" ] || . \"$i\"; done\n")
    for name in ["runuser", "su"]:
        write(f"/etc/pam.d/{name}", "auth sufficient pam_rootok.so\n"
              "account required pam_permit.so\nsession required pam_permit.so\n")
    names = {"22.04": "jammy", "24.04": "noble", "12": "bookworm", "13": "trixie"}
    codename = names.get(BODY["os_version"], "unknown")
    write("/etc/os-release", f"ID={BODY['os']}\nVERSION_ID=\"{BODY['os_version']}\"\n"
          f"VERSION_CODENAME={codename}\nPRETTY_NAME=\"{BODY['os']} {BODY['os_version']}\"\n")
    write("/etc/hostname", BODY["name"] + "\n")
    CLOUD.mkdir(parents=True, exist_ok=True)
    link = pathlib.Path("/var/lib/cloud/instance")
    link.unlink(missing_ok=True)
    link.symlink_to(CLOUD)
    write("/usr/local/bin/cloud-init", CLOUD_INIT, 0o755)


def read_user_data():
    """The cloud-config, or the script that was given in its place."""
    data = (BODY["user_data"] or "").encode()
    if BODY.get("user_data_encoding") == "base64":
        data = base64.b64decode(data)
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    text = data.decode()
    if text.startswith("#!"):
        return {"runcmd": [["/bin/sh", "-c", text]]}
    if not text.startswith("#cloud-config"):
        return {}
    body = text.split("\n", 1)[1] if "\n" in text else ""
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        import yaml
        return yaml.safe_load(body) or {}
    except Exception as error:
        ERRORS.append(f"user-data: {error}")
        return {}


def host_keys(config):
    for old in pathlib.Path("/etc/ssh").glob("ssh_host_*"):
        old.unlink()
    given = config.get("ssh_keys") or {}
    for kind in ["ed25519", "ecdsa", "rsa"]:
        if f"{kind}_private" in given:
            private = f"/etc/ssh/ssh_host_{kind}_key"
            write(private, given[f"{kind}_private"].rstrip("\n") + "\n", 0o600)
            public = given.get(f"{kind}_public")
            write(private + ".pub", (public or "") + "\n")
    if not given:
        pathlib.Path("/etc/ssh").mkdir(parents=True, exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                        "-f", "/etc/ssh/ssh_host_ed25519_key"], check=True)


def next_uid():
    lines = pathlib.Path("/etc/passwd").read_text().splitlines()
    used = [int(line.split(":")[2]) for line in lines]
    return max([999] + [uid for uid in used if uid < 60000]) + 1


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def add_user(user):
    if isinstance(user, str) or "name" not in user:
        return
    name, uid = user["name"], next_uid()
    keys = user.get("ssh_authorized_keys") or []
    for line in pathlib.Path("/etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            # Of a user that is there already, cloud-init sets only the keys.
            return authorize(fields[5], int(fields[2]), keys)
    home = user.get("homedir", f"/home/{name}")
    append("/etc/passwd", f"{name}:x:{uid}:{uid}::{home}:{user.get('shell', '/bin/sh')}\n")
    append("/etc/group", f"{name}:x:{uid}:\n")
    append("/etc/shadow", f"{name}:*:20000:0:99999:7:::\n")
    os.makedirs(home, mode=0o755, exist_ok=True)
    os.chown(home, uid, uid)
    authorize(home, uid, keys)


def authorize(home, uid, keys):
    folder = pathlib.Path(home, ".ssh")
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    file = folder / "authorized_keys"
    known = file.read_text().splitlines() if file.exists() else []
    lines = dict.fromkeys([*known, *(key.strip() for key in keys)])
    write(file, "".join(line + "\n" for line in lines), 0o600)
    for path in [folder, folder / "authorized_keys"]:
        os.chown(path, uid, uid)


def make_accounts(accounts):
    """What an agent in the guest does: accounts by name, each with its keys."""
    for name, keys in accounts.items():
        if name == "root":
            authorize("/root", 0, keys)
        else:
            add_user({"name": name, "shell": "/bin/bash", "ssh_authorized_keys": keys})


def watch_accounts(sshd):
    """Looks for new accounts and keys until sshd ends."""
    known = BODY.get("accounts") or {}
    while True:
        try:
            return sshd.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            pass
        try:
            wanted = json.loads(pathlib.Path("/run/emulator/body.json").read_text())["accounts"]
        except (ValueError, KeyError):
            continue
        if wanted != known:
            attempt("accounts", make_accounts, wanted)
            known = wanted


def authorize_all(config, users, keys):
    """Gives the image's own user the keys, and root, who may be sent away."""
    own = BODY.get("default_user")
    if own and "default" in users:
        add_user({"name": own, "shell": "/bin/bash", "ssh_authorized_keys": keys})
    if config.get("disable_root", BODY.get("disable_root", False)):
        away = f'Please login as the user \\"{own}\\" rather than the user \\"root\\".'
        options = "no-port-forwarding,no-agent-forwarding,no-X11-forwarding"
        options += f',command="echo \'{away}\';echo;exit 142"'
        keys = [f"{options} {key}" for key in keys]
    authorize("/root", 0, keys)


def decode(entry):
    content = entry.get("content") or ""
    encoding = entry.get("encoding", "text/plain")
    data = content.encode()
    if "b64" in encoding or "base64" in encoding:
        data = base64.b64decode(data)
    if encoding.startswith("gz"):
        data = gzip.decompress(data)
    return data


def write_file(entry):
    path = pathlib.Path(entry["path"])
    before = path.read_bytes() if entry.get("append") and path.exists() else b""
    write(path, before + decode(entry), int(str(entry.get("permissions", "0644")), 8))
    user, _, group = entry.get("owner", "root:root").partition(":")
    shutil.chown(path, user or None, group or None)


def commands(name, steps):
    """Runs steps as cloud-init does: one shell script, without `set -e`."""
    import shlex
    lines = [step if isinstance(step, str) else shlex.join(map(str, step)) for step in steps]
    script = CLOUD / "scripts" / name
    write(script, "#!/bin/sh\n" + "\n".join(lines) + "\n", 0o700)
    environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    with LOG.open("ab") as log:
        done = subprocess.run([script], stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, env=environment, cwd="/")
    if done.returncode:
        ERRORS.append(f"{name}: exit code {done.returncode}")


def start_sshd():
    write("/etc/ssh/sshd_config", "\n".join([
        f"ListenAddress {BODY['address']}", f"Port {BODY['port']}",
        *[f"HostKey {key}" for key in sorted(pathlib.Path("/etc/ssh").glob("ssh_host_*_key"))],
        "UsePAM no", "PasswordAuthentication no", "PermitRootLogin prohibit-password",
        "MaxStartups 200", "MaxSessions 100", "PidFile /run/sshd.pid", "LogLevel VERBOSE",
        f"SetEnv PATH={PATH}", "Subsystem sftp internal-sftp", "",
    ]))
    return subprocess.Popen(["/usr/sbin/sshd", "-D", "-E", "/var/log/auth.log"])


def attempt(what, call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        ERRORS.append(f"{what}: {error}")


def first_boot(config):
    attempt("ssh_keys", host_keys, config)
    users = config.get("users", ["default"]) or []
    for user in users:
        attempt("users", add_user, user)
    keys = BODY["authorized_keys"] + (config.get("ssh_authorized_keys") or [])
    attempt("ssh_authorized_keys", authorize_all, config, users, keys)
    if config.get("bootcmd"):
        commands("bootcmd", config["bootcmd"])
    for entry in config.get("write_files") or []:
        attempt("write_files", write_file, entry)


def main():
    os.umask(0o022)
    write("/run/cloud-init/status", "running\n")
    system_files()
    is_first = not (CLOUD / "boot-finished").exists()
    config = read_user_data() if is_first else {}
    if is_first:
        first_boot(config)
    attempt("accounts", make_accounts, BODY.get("accounts") or {})
    sshd = start_sshd()
    if config.get("runcmd"):
        commands("runcmd", config["runcmd"])
    result = {"v1": {"datasource": BODY["datasource"], "errors": ERRORS}}
    write("/run/cloud-init/result.json", json.dumps(result))
    write("/run/cloud-init/status", "error\n" if ERRORS else "done\n")
    write(CLOUD / "boot-finished", "\n")
    if BODY.get("startup_script"):
        commands("startup-script", [["/bin/bash", "-c", BODY["startup_script"]]])
    sys.exit(watch_accounts(sshd))


main()
