case_0 {
a = for
b = [for x in y: x if x]
c = [ for i,x in [1,2] : i ]
d = {for x in [y]:x=>x...}
e = [for x in(y):x]
f = [for x in y:x if [1]==x]
}

case_1 {
a = [for x in y : {
a = x
}]
b = [
for x in y :
x
if x
]
c = {
for k,v in x:
k=>v
}
}
