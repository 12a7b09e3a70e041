sandplan {
  required_version = ">= 0.1"
  project          = "checkout-web"     # ownership label on every remote object; default: the directory's name
  default_provider = "hetzner"          # overridden by --provider and SANDPLAN_PROVIDER
  backend "sqlite" { path = ".sandplan/state.db" }   # the default

  limits {                              # nothing outside these can be applied, whoever wrote the sandbox block
    max_ttl           = "24h"
    max_sandboxes     = 12
    max_hourly_cost   = "2.50 EUR"
    allowed_providers = ["hetzner", "qemu", "local"]
  }
}

provider "hetzner" {
  token    = env("HCLOUD_TOKEN")        # that is also the default; a credential is a reference, never stored
  region   = "ash"
  parallel = 8                          # calls in flight to this provider
}
provider "hetzner" {
  alias  = "eu"                         # named in sandboxes as "hetzner.eu"
  region = "fsn1"
}

variable "reviewers" {
  type    = set(string)
  default = ["ada", "lin"]
}

ssh_key "laptop" { public_key = file("~/.ssh/id_ed25519.pub") }

profile "agent" {
  image    = "ubuntu-24.04"
  size     = { vcpus = 4, memory = "8GiB", disk = "60GiB" }   # portable; mapped to the cheapest type that fits
  packages = ["jq", "ripgrep"]

  toolchain {
    docker     = true
    node       = "24"
    python     = true
    playwright = { browsers = ["chromium"] }
  }
  agent "claude-code" { version = "2.1.329" }   # pinned, and its --version output is checked

  ready {
    timeout = "12m"
    probe "docker" { exec = ["docker", "run", "--rm", "hello-world"] }
    on_failure = "keep"                         # keep | destroy
  }
}

network "agents" {
  ingress { ssh = ["203.0.113.0/24"] }
}

sandbox "review" {
  for_each = var.reviewers
  profile  = profile.agent
  ssh_keys = [ssh_key.laptop]
  network  = network.agents
  ttl      = "8h"
  env      = { REVIEWER = each.key }
  labels   = { owner = each.key }

  hetzner { server_type = "cpx32" }             # only what is this provider's own

  file "/home/agent/.gitconfig" { content = "[user]\n  name = ${each.key}\n" }
  sync {
    from    = "./fixtures"
    to      = "/home/agent/fixtures"
    exclude = [".git", "node_modules"]
  }
  provision "install" {
    run     = ["bash", "-lc", "cd ~/fixtures && npm ci"]
    timeout = "10m"
  }
  port "app" { guest = 3000 }

  lifecycle {
    prevent_destroy      = false
    ignore_changes       = [labels]
    snapshot_on_destroy  = false
  }
}

snapshot "warm" {
  sandbox    = sandbox.review["ada"]
  expires_in = "7d"
}

output "ssh" { value = { for k, s in sandbox.review : k => s.ssh_command } }

