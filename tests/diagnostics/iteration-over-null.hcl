# validate
output "x" {
  value = [for x in null : x]
}
