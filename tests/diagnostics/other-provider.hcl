# hetzner: plan
provider "hetzner" {}

provider "hetzner" {
  alias  = "eu"
  region = "fsn1"
}

network "agents" {
  ingress {
    ssh = ["203.0.113.0/24"]
  }
}

sandbox "a" {
  provider = "hetzner"
  network  = network.agents
}

sandbox "b" {
  provider = "hetzner.eu"
  network  = network.agents["hetzner"]
}
