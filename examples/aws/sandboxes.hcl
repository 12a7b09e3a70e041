# Cheap machines for coding agents in AWS: from the spot market where there is room,
# in either of two regions, gone after a working day whoever forgets them.
#
#   aws sso login            or any other way by which AWS's own tools log in
#   sandplan init            whose credentials are these?
#   sandplan plan            what would be made, and what it costs
#   sandplan apply

sandplan {
  required_version = ">= 0.1"
  project          = "agents"
  default_provider = "aws"

  limits {
    max_ttl           = "1d"
    max_sandboxes     = 10
    allowed_providers = ["aws"]
  }
}

provider "aws" {
  region = ["eu-central-1", "eu-west-1"] # the first with room

  # AWS's API names no price on demand; these are for plans and limits.
  prices = {
    "t3.large"  = 0.096
    "t3a.large" = 0.0864
  }
}

profile "agent" {
  image    = "ubuntu-24.04"
  size     = { vcpus = 2, memory = "8GiB", disk = "60GiB" }
  ttl      = "8h"
  packages = ["git", "ripgrep"]

  toolchain {
    node   = "24"
    python = true
  }
  agent "claude-code" { version = "2.1.0" }
}

sandbox "work" {
  profile  = profile.agent
  for_each = toset(["ada", "lin"])
  labels   = { owner = each.key }

  aws {
    instance_type = ["t3.large", "t3a.large"]
    spot          = true
  }
}

# One that AWS does not take back.
sandbox "review" {
  profile = profile.agent
  aws { instance_type = ["t3a.large", "t3.large"] }
}

output "ssh" {
  value = { for name, box in sandbox.work : name => box.ssh_command }
}
