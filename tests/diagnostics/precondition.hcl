# validate
variable "v" { default = 1 }
sandbox "a" {
  lifecycle {
    precondition {
      condition     = var.v > 1
      error_message = "v is ${var.v}, and has to be more than 1."
    }
  }
}
