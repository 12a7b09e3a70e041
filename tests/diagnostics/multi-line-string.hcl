# validate
output "x" {
  value = "one
two"
}
