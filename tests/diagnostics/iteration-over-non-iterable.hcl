# validate
output "x" {
  value = [for x in 5 : x]
}
