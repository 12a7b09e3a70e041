# validate
output "x" {
  value = replace("x")
}
