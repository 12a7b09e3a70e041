# validate
output "x" {
  value = 0 / 0
}
