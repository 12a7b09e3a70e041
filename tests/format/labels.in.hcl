case_0 {
foo "ba\u00e9r" "\n\"x\\" {
}
}

case_1 {
foo bar "baz" {
}
foo bar { a = 1 }
foo {}
}
