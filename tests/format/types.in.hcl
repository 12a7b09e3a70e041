variable x { type = "list" }
variable y { type="map" }
variable z { type = list }
variable w { type = set }
variable v { type = map }
variable u { type = "any" }
variable t { type = "number" }
variable s { type = "set" }
variable r { type = (list) }
variable q { type = list /* x */ }
variable p { type = /* y */ "map" }
variable o { type = "${list}" }
variable n { type = "bool" }
foo { type = "list" }

variable "x" {
  type = "string"
  default = "${x}"
  nested { 
  type = "list"
  }
}
