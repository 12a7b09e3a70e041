# validate
variable "v" {
  default = 1
  validation {
    condition     = "yes, of course"
    error_message = "never"
  }
}
