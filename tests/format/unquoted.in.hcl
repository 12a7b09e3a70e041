case_0 {
a = jsonencode({ a = [1,2,{b=3}], c = "d" })
b = templatefile("${path.module}/x", { a = 1 })
}

case_1 {
a = "${ foo }"
b = "${foo}${bar}"
c = "${foo("${bar}")}"
d = "${"x"}"
f = "${{a=1}}"
g = "${ [ for x in y: x ] }"
h = [ "${x}" ]
i = { a = "${x}" }
j = ("${x}")
k = "${~ x ~}"
l = "${a ? "b" : "c"}"
m = "${a ? "b${c}" : "c"}"
}

case_2 {
a = "${
  foo
}"
b = "${
  foo ? 1
  : 2
}"
c = "${ foo(
 1)
}"
d = "${(foo
)}"
e = "${(foo
) + (
 bar)}"
}

case_3 {
resource "x" "y" {
  count = "${var.a ? 1 : 0}"
  tags = "${merge(var.tags, map("a", "b"))}"
  list = ["${var.x}", "${var.y}-z"]
  lifecycle { ignore_changes = ["a", "b"] }
}
}

case_4 {
a = "${<<EOT
x
EOT
}"
}
