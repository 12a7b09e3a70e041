case_0 {
a = { for k,v in x:k=>-1 }
b = "${-1}"
c = [-1,- 2,a- -1,a -1,!  a, ! ! a, a&&!b]
d = a?-1:-2
e = a==-1
f = a<-1||b>-  3
g = -a
h = (-a)
i = x[-1]
j = a % -3
}

case_1 {
a = { for k,v in x:k=>-1 }
b = "${-1}"
c = [-1,- 2,a- -1,a -1,!  a, ! ! a, a&&!b]
d = a?-1:-2
e = a==-1
f = a<-1||b>-  3
g = -a
h = (-a)
i = x[-1]
j = a % -3
}

case_2 {
a = !b
c = !  (d)
e = - (f)
g = a - (b)
}

case_3 {
a = 1e5
b = 1.5E-3
c = 1.5 +2
d = 1.0e+5
}

case_4 {
a = -1
b = - 1
c = 1-1
d = 1 -1
e = 1- 1
f = a-b
g = a -b
h = a - b
i = foo()-1
j = x[0]-1
k = "a"-1
l = 1--1
}

case_5 {
a = { for k,v in x:k=>-1 }
b = "${-1}"
c = [-1,- 2,a- -1,a -1,!  a, ! ! a, a&&!b]
d = a?-1:-2
e = a==-1
f = a<-1||b>-  3
g = -a
h = (-a)
i = x[-1]
j = a % -3
}
