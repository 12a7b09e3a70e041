case_0 {
a = [
1,
2,
[
3,
4]
]
b = [[
1
]]
c = foo({
a = 1
bb = 2
})
d = foo(bar(
1
),
2)
e = { a = 1, b = [
1
]}
}

case_1 {
a = (
1 +
2
)
b = (1
+ 2)
}

case_2 {
q = 1
}

case_3 {
a = foo(
1,
2
).bar
b = foo(
1
)[0]
c = [
1][0]
}
