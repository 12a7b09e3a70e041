# validate
output "x" {
  value = "x${[1]}"
}
