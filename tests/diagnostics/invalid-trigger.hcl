# validate
variable "x" { default = "k" }
sandbox "a" {
  lifecycle { replace_triggered_by = [var.x] }
}
