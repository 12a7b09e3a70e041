# validate
variable "v" {
  type = object({ n = optional(number, "x") })
}
