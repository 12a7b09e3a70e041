case_0 {
# comment
a = 1 # x
bb = 22 # y
# mid
ccc = 3
 // foo
d = 4 // bar
/* block */ e = 5
f /* x */ = 6
g = /* y */ 7
h = 8 /* z */
i = 9 /* z
  multi */
j = 10 # x
}

case_1 {
a = [
1, # one
22, # two
# alone
333 # three
]
}

case_2 {
a = "x" /* y */ # z
bb = 1 # z
}

case_3 {
foo "a" { # comment
a = 1
} # end
bar "b" { # comment 2
}
}
