case_0 {
  long_name = 1
  s = {
    a = 1
  }
  t = 2
  uuu = [1,
  2]
  vv = 3
}

case_1 {
  a = 1
  b = 2
  foo { c = 3 }
  dddd = 4
}

case_2 {
  a  = 1
  bb = 2 # c

  ccc = 3
}

case_3 {
  a = 1 # x

  bbb = 2 # y

  foo { a = 1 } # z

}
