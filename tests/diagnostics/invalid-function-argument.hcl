# validate
output "x" {
  value = upper([1])
}
