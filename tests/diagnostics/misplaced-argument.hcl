# validate
network "agents" {
  count = 2
  ingress { ssh = ["203.0.113.0/24"] }
}
