# validate
provider "aws" { region = ["us-east-1", "eu-central-1"] }
network "agents" {
  ingress { ssh = ["203.0.113.0/24"] }
}
sandbox "a" {
  provider = "aws"
  region   = "eu-central-1"
  network  = network.agents
}
