# validate
output "x" {
  value = max(1...)
}
