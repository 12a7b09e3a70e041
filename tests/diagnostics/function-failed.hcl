# validate
output "x" {
  value = jsondecode("{")
}
