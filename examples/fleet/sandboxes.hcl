# A sandbox for each member of a team, and some runners, within limits.

sandplan {
  required_version = ">= 0.1"
  project          = "fleet"

  limits {
    max_ttl           = "12h"
    max_sandboxes     = 8
    allowed_providers = ["local"]
  }
}

locals {
  team = {
    ada = { editor = "vi", ttl = "8h" }
    lin = { editor = "nano", ttl = "4h" }
  }
}

profile "base" {
  ttl    = "2h"
  env    = { LANG = "C.UTF-8" }
  labels = { team = "platform" }
}

# One for each key of the map: sandbox.dev["ada"], sandbox.dev["lin"].
sandbox "dev" {
  for_each = local.team
  profile  = profile.base
  ttl      = each.value.ttl
  env      = { EDITOR = each.value.editor }
  labels   = { owner = each.key }
}

# Three alike: sandbox.runner[0] to sandbox.runner[2].
sandbox "runner" {
  count   = 3
  profile = profile.base
  name    = "runner-${count.index + 1}"
  env     = { RUNNER = tostring(count.index) }
}

output "names" {
  description = "The name of every sandbox"
  value       = concat(values(sandbox.dev)[*].name, sandbox.runner[*].name)
}

output "by_owner" {
  value = { for owner, s in sandbox.dev : owner => s.name }
}
