# validate
sandbox "a" {
  lables = {}
  lifecycle { prevent_destory = true }
}
variable "v" { typ = string }
ttl = "8h"
