# validate
sandbox "a" {
  env = { A = "x\u0000y" }
}
