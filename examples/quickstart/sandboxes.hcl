# Two sandboxes on this machine: no account, no image, no root.
# With `default_provider = "hetzner"` and HCLOUD_TOKEN set: two cloud VMs.
#
#   sandplan plan            what would change
#   sandplan apply           make it so
#   sandplan exec review-ada -- cat hello.txt
#   sandplan destroy         leave nothing behind

sandplan {
  required_version = ">= 0.1"
  project          = "quickstart"
  default_provider = "local"

  limits {
    max_ttl       = "24h"
    max_sandboxes = 10
  }
}

variable "reviewers" {
  description = "Who gets a sandbox"
  type        = set(string)
  default     = ["ada", "lin"]
}

locals {
  greeting = "Hello"
}

profile "agent" {
  ttl = "8h"
  env = { EDITOR = "vi" }

  file "/home/agent/.profile" {
    content = <<-EOT
      export PATH="$HOME/bin:$PATH"
    EOT
  }

  ready {
    timeout = "30s"
    probe "shell" {
      exec = ["bash", "-c", "test -r ~/hello.txt"]
    }
  }
}

sandbox "review" {
  for_each = var.reviewers
  profile  = profile.agent
  env      = { REVIEWER = each.key }
  labels   = { owner = each.key }

  file "/home/agent/hello.txt" {
    content = "${local.greeting}, ${each.key}!\n"
  }

  sync {
    from = "./fixtures"
    to   = "/workspace"
  }

  provision "greet" {
    run     = ["bash", "-c", "wc -l /workspace/*.txt && id -un"]
    timeout = "1m"
  }
}

output "sandboxes" {
  description = "The name of each reviewer's sandbox"
  value       = { for who, s in sandbox.review : who => s.name }
}
