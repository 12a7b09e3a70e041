# validate
locals {
  x = local.y
  y = local.x
}
sandbox "a" { env = { B = sandbox.b.id } }
sandbox "b" { depends_on = [sandbox.a] }
