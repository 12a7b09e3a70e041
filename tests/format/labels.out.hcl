case_0 {
  foo "baér" "\n\"x\\" {
  }
}

case_1 {
  foo "bar" "baz" {
  }
  foo "bar" { a = 1 }
  foo {}
}
