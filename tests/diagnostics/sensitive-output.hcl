# validate
variable "v" {
  default   = "x"
  sensitive = true
}
output "x" { value = var.v }
