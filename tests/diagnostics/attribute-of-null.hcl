# validate
output "x" {
  value = null.x
}
