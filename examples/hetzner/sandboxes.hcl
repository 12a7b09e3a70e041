# A team's review sandboxes in Hetzner Cloud: Docker, Node, Playwright and a
# coding agent, behind a firewall, at a known price, gone after a working day.
#
#   export HCLOUD_TOKEN=…    of a project of your own, with read and write permission
#   sandplan init            does the token work?
#   sandplan plan            what would be made, and what it costs
#   sandplan apply
#   sandplan exec review-ada -- docker run --rm hello-world
#
# Put your own public key into keys/team.pub, and where you are into `office`.

sandplan {
  required_version = ">= 0.1"
  project          = "team-review"
  default_provider = "hetzner"

  # No plan goes beyond these, whoever writes a sandbox block.
  limits {
    max_ttl           = "7d"
    max_sandboxes     = 8
    max_hourly_cost   = "0.40 EUR"
    allowed_providers = ["hetzner"]
  }
}

provider "hetzner" {
  region = ["fsn1", "nbg1"] # where no sandbox says otherwise; the first with room
}

variable "reviewers" {
  description = "Who gets a sandbox"
  type        = set(string)
  default     = ["ada", "lin", "sam"]
}

variable "office" {
  description = "From where the sandboxes can be reached"
  type        = list(string)
  default     = ["203.0.113.0/24"]
}

ssh_key "team" {
  public_key = file("keys/team.pub")
}

network "review" {
  ingress {
    ssh  = var.office
    http = var.office
    icmp = var.office
  }
}

profile "workbench" {
  image    = "ubuntu-24.04"
  size     = { vcpus = 4, memory = "8GiB", disk = "60GiB" }
  ssh_keys = [ssh_key.team]
  network  = network.review
  packages = ["git", "ripgrep"]

  toolchain {
    docker     = true
    node       = "24"
    python     = true
    playwright = { browsers = ["chromium"], version = "1.56.0" }
  }

  agent "claude-code" {
    version = "2.0.30"
  }

  ready {
    timeout = "2m"
    probe "docker" { exec = ["docker", "info"] }
    probe "node" { exec = ["node", "--version"] }
  }
}

# Set up once a week, and saved.
sandbox "base" {
  profile = profile.workbench
  ttl     = "7d"
}

snapshot "warm" {
  sandbox    = sandbox.base
  expires_in = "7d"
}

# Everybody begins with a copy of the base, which takes a minute in place of ten.
sandbox "review" {
  for_each = var.reviewers
  profile  = profile.workbench
  from     = snapshot.warm
  ttl      = "9h"
  labels   = { owner = each.key }
  env      = { REVIEWER = each.key }

  port "web" { guest = 3000 }

  sync {
    from    = "."
    to      = "/workspace"
    exclude = [".git", ".sandplan", "node_modules"]
  }

  # Who works in one keeps it when there is a newer base.
  lifecycle {
    ignore_changes = [from]
  }
}

output "reviewers" {
  description = "How to get in"
  value       = { for who, s in sandbox.review : who => s.ssh_command }
}
