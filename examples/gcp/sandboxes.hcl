# Sandboxes for coding agents in Google Cloud: cheap spot instances that Google
# itself deletes when their time is over, behind a firewall of their own.
#
#   gcloud auth application-default login
#   export GOOGLE_CLOUD_PROJECT=…    a project with the Compute Engine API switched on
#   sandplan init                    do the credentials work?
#   sandplan plan                    what would be made, and what it costs
#   sandplan apply
#   sandplan exec agent-1 -- git --version
#
# Put your own public key into keys/team.pub, and where you are into `office`.

sandplan {
  required_version = ">= 0.1"
  project          = "agents"
  default_provider = "gcp"

  # No plan goes beyond these, whoever writes a sandbox block.
  limits {
    max_ttl           = "1d"
    max_sandboxes     = 10
    max_hourly_cost   = "1.00 USD"
    allowed_providers = ["gcp"]
  }
}

provider "gcp" {
  region = ["us-central1", "us-east1"] # all zones of the first, then of the second

  # Compute Engine's API tells no prices: these are from Google's list.
  prices = {
    "e2-standard-4" = 0.0536 # spot
    "n2-standard-4" = 0.0777 # spot
  }
}

variable "office" {
  description = "From where the sandboxes can be reached"
  type        = list(string)
  default     = ["203.0.113.0/24"]
}

ssh_key "team" {
  public_key = file("keys/team.pub")
}

network "agents" {
  ingress {
    ssh = var.office
  }
}

profile "agent" {
  image    = "ubuntu-24.04"
  size     = { vcpus = 4, memory = "16GB", disk = "60GB" }
  ssh_keys = [ssh_key.team]
  network  = network.agents
  ttl      = "9h"
  packages = ["git", "ripgrep"]

  toolchain {
    docker = true
    node   = "24"
  }

  gcp {
    machine_type = ["e2-standard-4", "n2-standard-4"]
    spot         = true
  }
}

sandbox "agent" {
  count   = 3
  profile = profile.agent
  labels  = { team = "review" }
}

output "agents" {
  description = "How to get in"
  value       = [for agent in sandbox.agent : agent.ssh_command]
}
