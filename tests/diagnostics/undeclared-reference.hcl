# validate
variable "reviewer" { default = "ada" }
sandbox "a" {
  profile = profile.agnet
  env     = { A = var.reviewr, B = local.nothing, C = sandbox.b.id, D = unquoted }
}
profile "agent" {}
