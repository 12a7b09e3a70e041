# validate
sandbox "a" {
  file "/home/agent/x" {}
  provision "x" {}
}
output "x" {}
