# validate
network "agents" {
  ingress {
    ssh = ["203.0.113.7/24", "203.0.113.0"]
  }
}

sandbox "a" {
  provider = "hetzner"
  network  = network.agents
}
