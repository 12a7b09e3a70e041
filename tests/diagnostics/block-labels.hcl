# validate
sandbox "a" "b" {}
sandplan "x" {}
provider {}
