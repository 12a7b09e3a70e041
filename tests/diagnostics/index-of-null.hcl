# validate
output "x" {
  value = null[0]
}
