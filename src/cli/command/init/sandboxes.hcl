# What sandboxes this repository wants. `sandplan plan` shows what would change,
# `sandplan apply` makes it so, `sandplan destroy` leaves nothing behind.

sandplan {
  required_version = ">= 0.1"
  project          = "my-project" # ownership label on every object

  # Nothing outside these can be applied, whoever writes a sandbox block.
  limits {
    max_ttl       = "24h"
    max_sandboxes = 10
  }
}

# A recipe that several sandboxes share.
profile "agent" {
  ttl = "8h"
  env = { LANG = "C.UTF-8" }

  # The sandbox counts as ready when this exits 0.
  ready {
    timeout = "1m"
    probe "shell" { exec = ["bash", "-c", "true"] }
  }
}

sandbox "dev" {
  profile = profile.agent

  # count    = 3                      # dev[0], dev[1], dev[2]
  # for_each = toset(["ada", "lin"])  # dev["ada"], dev["lin"]
  # provider = "hetzner"              # a VM of Hetzner Cloud, with HCLOUD_TOKEN set
  # network  = "none"                 # no network at all (local)

  file "/home/agent/README" {
    content = "Made by sandplan.\n"
  }

  # sync {                            # keeps a directory equal to one here
  #   from    = "."
  #   to      = "/workspace"
  #   exclude = [".git", "node_modules"]
  # }

  # provision "install" {             # runs once, and again when it changes
  #   run     = ["bash", "-lc", "cd /workspace && npm ci"]
  #   timeout = "10m"
  # }
}

output "name" {
  value = sandbox.dev.name
}
