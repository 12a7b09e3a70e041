case_0 {
  x = { a : 1, b : 2, "c" = 3, (d) = 4 }
  y = {
    a : 1
    bbb : 2
    c      = 3
    "dddd" = 4
    (e)    = 5
    "${f}" = 6
  }
}

case_1 {
  a = {
    "foo" : "bar",
    "barbaz" : "baz",
  }
}

case_2 {
  a = {
    b   = {},
    ccc = [],
    dd  = f(x),
  }
}

case_3 {
  a = { "b" : 1, "c" : [1, 2, { "d" : null }] }
}
