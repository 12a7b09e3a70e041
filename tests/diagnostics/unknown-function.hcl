# validate
output "x" {
  value = uper("a")
}
