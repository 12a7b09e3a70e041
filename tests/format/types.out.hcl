variable "x" { type = list(string) }
variable "y" { type = map(string) }
variable "z" { type = list(any) }
variable "w" { type = set(any) }
variable "v" { type = map(any) }
variable "u" { type = "any" }
variable "t" { type = "number" }
variable "s" { type = "set" }
variable "r" { type = (list) }
variable "q" { type = list(any) /* x */ }
variable "p" { type = /* y */ map(string) }
variable "o" { type = "${list}" }
variable "n" { type = "bool" }
foo { type = "list" }

variable "x" {
  type    = string
  default = x
  nested {
    type = "list"
  }
}
